#!/usr/bin/env bash
# Train from a bundle (see training/bundle.py) on one GPU, or rehearse on a processor with small hours.
# Usage: bash training/run_bundle.sh [teacher hours] [student hours] [workers] [seconds a batch]
set -euo pipefail
cd "$(dirname "$0")/.."
export TRAINING_STATE=$PWD/state TRAINING_SHARED=$PWD/shared PYTHONPATH=$PWD
python3 -m training.data real dev commands commands-dev kokoro
python3 -m training.augment
python3 -m training.train body --hours "${1:-60}" --workers "${3:-14}" --seconds "${4:-160}"
python3 -m training.train student --hours "${2:-300}" --workers "${3:-14}" --seconds "${4:-160}"
python3 -m training.bundle split "${OUT:-out}"
