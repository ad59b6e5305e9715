"""One folder of at most 30 MiB for a machine with a GPU and no network, and its checkpoint in parts.

`python -m training.bundle pack FOLDER` copies the training code, the teacher (int8), the taught front
and a subset of the speech. On the other machine, in that folder, `bash training/run_bundle.sh`
trains and leaves the checkpoint in `out/` as parts of at most 15 MB. Back here,
`python -m training.bundle join FOLDER NAME` makes a run of them that `--start NAME` or
`training.export --run NAME` takes.
"""

import argparse
import csv
import random
import shutil
from pathlib import Path

import numpy as np
import torch

from training.front import CHECKPOINT as FRONT
from training.paths import REPO, SPEECH, STATE
from training.teacher import COPY, load_arrays, quantise

LIMIT = 30 * 2**20
PART = 15_000_000
SETS = {"train": 0.62, "commands": 0.13, "kokoro": 0.25}  # share of the room left for speech


def folder_size(folder: Path) -> int:
    """Return the bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def copy_speech(target: Path, room: int, seed: int) -> None:
    """Copy random clips and their tables, at most `room` bytes."""
    for name, share in SETS.items():
        with (SPEECH / f"{name}.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        random.Random(seed).shuffle(rows)
        chosen, used = [], 0
        for row in rows:
            size = (SPEECH / row["path"]).stat().st_size + 400
            if used + size > share * room:
                break
            used += size
            (target / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SPEECH / row["path"], target / row["path"])
            chosen.append(row)
        with (target / f"{name}.tsv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
            table.writeheader()
            table.writerows(chosen)
        print(f"{name}: {len(chosen)} clips, {used / 2**20:.1f} MiB")


def pack(folder: Path, seed: int) -> None:
    """Write the bundle."""
    code = folder / "training"
    code.mkdir(parents=True, exist_ok=True)
    for path in (REPO / "training").iterdir():
        if path.suffix in {".py", ".sh", ".json"}:
            shutil.copyfile(path, code / path.name)
    state = folder / "state"
    (state / COPY.relative_to(STATE).parent).mkdir(parents=True, exist_ok=True)
    np.savez_compressed(state / COPY.relative_to(STATE), **quantise(load_arrays()))
    taught = torch.load(FRONT, map_location="cpu")["model"]
    parts = ("wav2vec2.feature_extractor.", "wav2vec2.feature_projection.")
    front = {name: value.half() for name, value in taught.items() if name.startswith(parts)}
    torch.save({"model": front}, state / FRONT.relative_to(STATE))
    copy_speech(folder / "shared" / "speech", LIMIT - folder_size(folder) - 2**18, seed)
    print(f"{folder_size(folder) / 2**20:.1f} MiB")


def split(run: str, target: Path) -> None:
    """Write a run's averaged weights in float16, in parts."""
    target.mkdir(parents=True, exist_ok=True)
    weights = torch.load(STATE / f"{run}.pt", map_location="cpu")["averaged"]
    whole = target / "whole"
    torch.save({"averaged": {name: value.half() for name, value in weights.items()}}, whole)
    data = whole.read_bytes()
    whole.unlink()
    for number, start in enumerate(range(0, len(data), PART)):
        (target / f"{run}.part{number}").write_bytes(data[start : start + PART])
    print(f"{len(data) / 1e6:.1f} MB in {-(-len(data) // PART)} parts")


def join(folder: Path, run: str) -> None:
    """Make a run of the parts in `folder`."""
    whole = STATE / f"{run}.pt"
    whole.write_bytes(b"".join(p.read_bytes() for p in sorted(folder.glob("*.part*"))))
    weights = torch.load(whole, map_location="cpu")["averaged"]
    torch.save({"averaged": {name: value.float() for name, value in weights.items()}}, whole)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("pack", "split", "join"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", nargs="?", default="student")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.action == "pack":
        pack(arguments.folder, arguments.seed)
    else:
        {
            "split": lambda: split(arguments.run, arguments.folder),
            "join": lambda: join(arguments.folder, arguments.run),
        }[arguments.action]()
