// Drag the frames: eight frames of a clip in any order, and what the mean and the LSTM say of it.
// The numbers come from `order-data.js` (results/order.py); a test holds the answers to PyTorch.

function numbersOf({shape, base64}) {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  const flat = new Float32Array(bytes.buffer);
  if (shape.length === 1) return [...flat];
  return Array.from({length: shape[0]}, (_, row) => [...flat.subarray(row * shape[1], (row + 1) * shape[1])]);
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const plus = (a, b) => a.map((value, i) => value + b[i]);
const sigmoid = x => 1 / (1 + Math.exp(-x));

function softmax(logits) {
  const most = Math.max(...logits), powers = logits.map(value => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

// Added up in the order of recording, whatever the order shown: not even rounding can differ.
function meanOf(vectors, order) {
  const sorted = [...order].sort((a, b) => a - b).map(i => vectors[i]);
  return sorted.reduce(plus).map(sum => sum / order.length);
}

function readModels(data) {
  const read = part => Object.fromEntries(Object.entries(part).map(([name, a]) => [name, numbersOf(a)]));
  return {mean: read(data.mean), lstm: read(data.lstm)};
}

const answers = {
  mean: (models, order) => softmax(meanOf(models.mean.frames, order)),

  lstm({lstm}, order) {
    const average = meanOf(lstm.frames, order), size = lstm.state_weight[0].length;
    let hidden = Array(size).fill(0), cell = Array(size).fill(0);
    for (const frame of order) {
      const seen = lstm.frames[frame].map((v, k) => Math.max(0, v - average[k] + lstm.offset[k]));
      const gates = lstm.bias.map((bias, row) =>
        bias + dot(lstm.input_weight[row], seen) + dot(lstm.state_weight[row], hidden));
      const part = (number, squash) => gates.slice(number * size, (number + 1) * size).map(squash);
      const [write, keep, candidate, read] = [
        part(0, sigmoid), part(1, sigmoid), part(2, Math.tanh), part(3, sigmoid)];
      cell = cell.map((value, k) => keep[k] * value + write[k] * candidate[k]);
      hidden = cell.map((value, k) => read[k] * Math.tanh(value));
    }
    return softmax(plus(lstm.head_weight.map(row => dot(row, hidden)), lstm.head_bias));
  },
};

// Rows of bars: a name, a bar, a percentage.
function barsOf(title, names, colour) {
  const box = element('div', {className: 'bars'}, element('div', {className: 'of', textContent: title}));
  box.style.setProperty('--colour', colour);
  const rows = names.map(name => {
    const bar = element('span'), value = element('span', {className: 'value'});
    box.append(element('span', {className: 'name', textContent: name}),
      element('div', {className: 'bar'}, bar), value);
    return {bar, value};
  });
  const set = shares => rows.forEach(({bar, value}, i) => {
    bar.style.width = `${100 * shares[i]}%`;
    value.textContent = `${(100 * shares[i]).toFixed(1)} %`;
  });
  return {box, set};
}

function dragTheFrames(place, data, strip) {
  const models = readModels(data), count = models.mean.frames.length;
  const filmed = [...Array(count).keys()], names = ['opens', 'closes', 'anything else'];
  let order = [...filmed], repeated = -1;
  const bars = {mean: barsOf('The mean', names, 'var(--mean)'), lstm: barsOf('The LSTM', names, 'var(--lstm)')};
  const list = element('ol', {className: 'frames'}), said = element('p', {role: 'status'});
  const shape = {count, width: 112, height: 112};
  const preview = stripFrame(strip, shape);
  preview.setAttribute('aria-hidden', 'true');

  const shares = name => {
    const all = answers[name](models, order), pair = data.pair.map(i => all[i]);
    return [...pair, 1 - pair[0] - pair[1]];
  };
  const answer = () => {
    for (const [name, {set}] of Object.entries(bars)) set(shares(name));
    const percent = value => `${Math.round(100 * value)} %`;
    const told = name => `${name === 'mean' ? 'the mean' : 'the LSTM'} ${percent(shares(name)[0])}`;
    said.textContent = `Opens: ${told('mean')}, ${told('lstm')}.`;
    place.dataset.order = order.join(' ');
  };
  const draw = (focused = -1) => {
    list.replaceChildren(...order.map((frame, at) => cellOf(frame, at)));
    answer();
    if (focused >= 0) list.children[focused].firstChild.focus();
  };
  const move = (from, to) => {
    if (to < 0 || to >= count || from === to) return;
    order.splice(to, 0, ...order.splice(from, 1));
    draw(to);
  };
  const cellOf = (frame, at) => {
    const shown = stripFrame(strip, shape);
    showFrame(shown, frame, count);
    const label = `frame ${frame + 1}, place ${at + 1} of ${count}; arrow keys move it`;
    const handle = element('button', {type: 'button', 'aria-label': label},
      shown, element('span', {textContent: frame + 1}));
    handle.onkeydown = event => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (step) { event.preventDefault(); move(at, at + step); }
    };
    handle.onpointerdown = event => drag(event, handle, at);
    return element('li', {}, handle);
  };
  // The frame goes where the pointer lets go of it.
  const drag = (event, handle, from) => {
    const start = [event.clientX, event.clientY];
    handle.setPointerCapture(event.pointerId);
    handle.classList.add('dragged');
    const follow = ({clientX, clientY}) => {
      handle.style.transform = `translate(${clientX - start[0]}px, ${clientY - start[1]}px)`;
    };
    const drop = ({clientX, clientY, type}) => {
      handle.classList.remove('dragged');
      handle.style.transform = '';
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      const distance = cell => {
        const box = cell.getBoundingClientRect();
        return Math.hypot(box.x + box.width / 2 - clientX, box.y + box.height / 2 - clientY);
      };
      const far = [...list.children].map(distance);
      if (type === 'pointerup') move(from, far.indexOf(Math.min(...far)));
    };
    handle.onpointermove = follow;
    handle.onpointerup = handle.onpointercancel = drop;
  };
  const button = (name, change) => element('button', {
    type: 'button', textContent: name, onclick() { order = change(); draw(); },
  });
  const shuffled = () => {
    const left = [...filmed];
    return filmed.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
  };
  place.replaceChildren(
    element('h4', {textContent: 'Drag the frames'}),
    element('p', {textContent: 'An unseen door. Drag a frame to another place, or step to it with Tab '
      + 'and move it with the arrow keys.'}),
    list,
    element('div', {className: 'controls'},
      button('As filmed', () => [...filmed]), button('Backwards', () => [...filmed].reverse()),
      button('Shuffle', shuffled),
      button('Repeat one', () => Array(count).fill(repeated = (repeated + 1) % count))),
    element('div', {className: 'beside'},
      element('div', {className: 'animation'}, preview,
        playerControls(count, 250, step => showFrame(preview, order[step], count))),
      bars.mean.box, bars.lstm.box),
    said);
  draw();
}

// The numbers are loaded only by the page that shows them.
const orderFiles = document.currentScript.src.replace(/order\.js.*$/, '');
document.addEventListener('DOMContentLoaded', () => {
  const place = document.querySelector('.drag-the-frames');
  if (!place) return;
  const show = () => dragTheFrames(place, ORDER, `${orderFiles}order.png`);
  document.head.append(element('script', {src: `${orderFiles}order-data.js`, onload: show}));
});
