(() => {
  "use strict";
  const LOOK_AHEAD = 1.5; // seconds of notes to schedule; a page in the background wakes up once per second
  const EVERY = 200; // milliseconds between calls of the scheduler
  const SOON = 0.06; // seconds from a click to the first note
  const A4 = 69;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const frequency = (pitch) => 440 * 2 ** ((pitch - A4) / 12);

  // One audio context for all players of a page. Browsers require a click before it is created.
  function audio() {
    if (!window.rnnrbmAudio) {
      const context = new AudioContext();
      const limiter = context.createDynamicsCompressor();
      limiter.threshold.value = -14;
      limiter.ratio.value = 8;
      limiter.connect(context.destination);
      window.rnnrbmAudio = { context, limiter };
    }
    return window.rnnrbmAudio;
  }

  function notesOf(text) {
    const numbers = text ? text.split(" ").map(Number) : [];
    const notes = [];
    for (let i = 0; i < numbers.length; i += 3) {
      notes.push({ start: numbers[i] / 100, end: (numbers[i] + numbers[i + 1]) / 100, pitch: numbers[i + 2] });
    }
    return notes;
  }

  // Simultaneous notes share the loudness, so that many notes are not louder than a chord.
  function gainOf(notes) {
    const changes = notes.flatMap((note) => [[note.start, 1], [note.end, -1]]);
    changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let sounding = 0;
    let most = 1;
    for (const [, change] of changes) most = Math.max(most, (sounding += change));
    return 0.5 / Math.sqrt(Math.max(most, 2));
  }

  function setUp(piece) {
    const one = (selector) => piece.querySelector(selector);
    const notes = notesOf(piece.dataset.notes);
    const timbre = JSON.parse(piece.dataset.timbre);
    const seconds = Number(piece.dataset.seconds);
    const play = one(".rp-play");
    const at = one(".rp-at");
    const volume = one(".rp-volume input");
    const scroll = one(".rp-scroll");
    const view = one(".rp-view");
    const cursor = one(".rp-cursor");
    const name = play.getAttribute("aria-label").replace(/^Play /, "");
    const loudness = gainOf(notes);
    const done = one(".rp-roll").cloneNode(true); // a copy in another colour, shown up to the cursor
    done.classList.add("rp-done");
    view.insertBefore(done, cursor);

    let output = null; // gain node of this piece while it plays
    let wave = null;
    let began = 0; // start of the piece in the time of the audio context
    let next = 0; // index of the next note to schedule
    let position = 0;
    let timer = 0;
    let frame = 0;

    const now = () => (output ? Math.max(0, audio().context.currentTime - began) : position);

    function show() {
      const time = Math.min(now(), seconds);
      const share = seconds > 0 ? time / seconds : 0;
      cursor.hidden = !output && time === 0;
      cursor.style.left = `${100 * share}%`;
      done.style.clipPath = `inset(0 ${100 * (1 - share)}% 0 0)`;
      at.value = time;
      at.setAttribute("aria-valuetext", `${clock(time)} of ${clock(seconds)}`);
      one(".rp-clock").textContent = `${clock(time)} / ${clock(seconds)}`;
      const x = share * view.offsetWidth;
      if (output && (x < scroll.scrollLeft || x > scroll.scrollLeft + 0.9 * scroll.clientWidth)) {
        scroll.scrollLeft = x - 0.1 * scroll.clientWidth;
      }
    }

    function sound(note) {
      const { context } = audio();
      const hertz = frequency(note.pitch);
      const start = Math.max(began + note.start, context.currentTime);
      const end = Math.max(began + note.end, start + 0.02);
      const oscillator = context.createOscillator();
      const envelope = context.createGain();
      oscillator.setPeriodicWave(wave);
      oscillator.frequency.value = hertz;
      envelope.gain.setValueAtTime(0, start);
      envelope.gain.linearRampToValueAtTime(loudness, start + timbre.attack);
      let source = oscillator;
      if (timbre.decay !== null) {
        // The tone fades, the upper partials first: a low-pass filter closes.
        const tau = timbre.decay * Math.sqrt(440 / hertz);
        envelope.gain.setTargetAtTime(0, start + timbre.attack, tau);
        const filter = context.createBiquadFilter();
        filter.Q.value = 0;
        filter.frequency.setValueAtTime(Math.min(14 * hertz, 18000), start);
        filter.frequency.setTargetAtTime(Math.min(2 * hertz, 18000), start + timbre.attack, tau / 2);
        source = oscillator.connect(filter);
      }
      source.connect(envelope).connect(output);
      envelope.gain.setTargetAtTime(0, Math.max(end, start + timbre.attack), timbre.release / 3);
      oscillator.start(start);
      oscillator.stop(end + timbre.attack + 2 * timbre.release);
      oscillator.onended = () => envelope.disconnect();
    }

    function schedule() {
      const time = now();
      for (; next < notes.length && notes[next].start < time + LOOK_AHEAD; next++) {
        if (notes[next].end > time) sound(notes[next]);
      }
    }

    function draw() {
      if (now() >= seconds + timbre.release) {
        stop();
        return;
      }
      show();
      frame = requestAnimationFrame(draw);
    }

    function label() {
      piece.classList.toggle("rp-playing", output !== null);
      play.setAttribute("aria-label", `${output ? "Pause" : "Play"} ${name}`);
    }

    function start() {
      document.dispatchEvent(new CustomEvent("rnnrbm-play", { detail: piece }));
      const { context, limiter } = audio();
      context.resume();
      // The strengths of the partials are sine coefficients.
      const sines = new Float32Array([0, ...timbre.partials]);
      wave = context.createPeriodicWave(new Float32Array(sines.length), sines);
      output = context.createGain();
      output.gain.value = loudnessOf(volume);
      output.connect(limiter);
      began = context.currentTime + SOON - position;
      next = 0;
      schedule();
      timer = setInterval(() => (now() >= seconds + timbre.release ? stop() : schedule()), EVERY);
      label();
      draw();
    }

    function pause() {
      if (!output) return;
      position = Math.min(now(), seconds);
      clearInterval(timer);
      cancelAnimationFrame(frame);
      const ending = output;
      ending.gain.setTargetAtTime(0, audio().context.currentTime, 0.02);
      setTimeout(() => ending.disconnect(), 200);
      output = null;
      label();
      show();
    }

    function stop() {
      pause();
      position = 0;
      scroll.scrollLeft = 0;
      show();
    }

    function seek(time) {
      const playing = output !== null;
      pause();
      position = Math.min(Math.max(time, 0), seconds);
      if (playing && position < seconds) start();
      else show();
    }

    const loudnessOf = (input) => (input.value / 100) ** 2;

    play.addEventListener("click", () => (output ? pause() : start()));
    one(".rp-stop").addEventListener("click", stop);
    at.addEventListener("input", () => seek(Number(at.value)));
    view.addEventListener("click", (event) => {
      const box = view.getBoundingClientRect();
      seek((seconds * (event.clientX - box.left)) / box.width);
    });
    volume.addEventListener("input", () => {
      if (output) output.gain.setTargetAtTime(loudnessOf(volume), audio().context.currentTime, 0.02);
    });
    document.addEventListener("rnnrbm-play", (event) => event.detail !== piece && pause());
    one(".rp-controls").hidden = false;
    show();
  }

  for (const piece of document.querySelectorAll(".rp-piece:not([data-ready])")) {
    piece.dataset.ready = "";
    setUp(piece);
  }
})();
