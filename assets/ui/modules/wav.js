/* A WAV file of 16-bit mono samples, and the part of a recording that was selected. */

const HEADER = 44;

export const wavOf = (blocks, rate) => {
  const bytes = blocks.reduce((sum, block) => sum + block.byteLength, 0);
  const header = new DataView(new ArrayBuffer(HEADER));
  const text = (at, value) => [...value].forEach((sign, offset) => header.setUint8(at + offset, sign.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, HEADER - 8 + bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, rate, true);
  header.setUint32(28, rate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, bytes, true);
  return new Blob([header.buffer, ...blocks], { type: "audio/wav" });
};

/* The seconds from `start` to `end` of the file at `url`, as a WAV file. */
export const cut = async (url, start, end, name, rate = 16000) => {
  const bytes = await (await fetch(url)).arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, at) => decoded.getChannelData(at));
  const [first, last] = [Math.floor(start * rate), Math.min(decoded.length, Math.ceil(end * rate))];
  const pcm = new Int16Array(Math.max(0, last - first));
  for (let at = 0; at < pcm.length; at++) {
    let sample = 0;
    for (const channel of channels) sample += channel[first + at] / channels.length;
    pcm[at] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
  }
  return new File([wavOf([pcm], rate)], name, { type: "audio/wav" });
};
