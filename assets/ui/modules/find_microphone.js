/* A spoken query: what the microphone records until it is stopped, a few seconds at most. */

export const SPOKEN_S = 3;

export const canRecord = () => Boolean(window.isSecureContext && navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

/* Starts recording; `done` is the file when `stop` was called or the time is over. Throws if the microphone is refused. */
export const recordQuery = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const parts = [];
  const stop = () => { if (recorder.state !== "inactive") recorder.stop(); };
  const timer = setTimeout(stop, SPOKEN_S * 1000);
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const done = new Promise((resolve) => {
    recorder.addEventListener("stop", () => {
      clearTimeout(timer);
      for (const track of stream.getTracks()) track.stop();
      resolve(new Blob(parts, { type: recorder.mimeType }));
    });
  });
  recorder.start();
  return { stop, done };
};
