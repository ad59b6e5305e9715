/* The waveform of a recording: loudest and quietest sample of each short piece.

   The browser decodes the file. Long recordings would take gigabytes that way, and files that the browser
   cannot decode have no waveform; then the transport shows where the words are. */

const DECODED_RATE_HZ = 8000;
const MAX_DECODED_S = 1800;
const MAX_FILE_BYTES = 96 * 2 ** 20;
const PER_SECOND = 100;
const SLICE = 2 ** 21; /* samples between two pauses, so that the page stays responsive */

const rest = () => new Promise((resolve) => setTimeout(resolve));

export const peaksOf = async (url, duration, signal) => {
  if (!url || duration > MAX_DECODED_S) return null;
  const answer = await fetch(url, { signal });
  if (!answer.ok || Number(answer.headers.get("content-length") ?? 0) > MAX_FILE_BYTES) return null;
  const bytes = await answer.arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 1, DECODED_RATE_HZ).decodeAudioData(bytes);
  return reduce(decoded.getChannelData(0), decoded.sampleRate);
};

export const reduce = async (samples, rate) => {
  const step = Math.max(1, Math.round(rate / PER_SECOND));
  const count = Math.ceil(samples.length / step);
  const [low, high] = [new Float32Array(count), new Float32Array(count)];
  for (let index = 0, begin = 0; index < count; index++, begin += step) {
    let [least, most] = [0, 0];
    const end = Math.min(begin + step, samples.length);
    for (let at = begin; at < end; at++) {
      const sample = samples[at];
      if (sample < least) least = sample; else if (sample > most) most = sample;
    }
    low[index] = least;
    high[index] = most;
    if (begin % SLICE < step && begin) await rest();
  }
  return { low, high, perSecond: rate / step };
};
