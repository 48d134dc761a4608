// The sampling slider: which frames segments, jitter and strides take from a clip of n frames.
// The same rules as `quest82.frames.sampling`, to which a test holds them.

// `within`, from 0 to 1, is the instant of each segment: one half is its centre.
const segmentIndices = (n, T, within) => Array.from({length: T}, (_, i) =>
  Math.min(n - 1, Math.floor((i + within[i]) * n / T)));

function windowIndices(n, T, stride) {
  const start = Math.floor(Math.max(n - (stride * (T - 1) + 1), 0) / 2);
  return Array.from({length: T}, (_, i) => Math.min(n - 1, start + stride * i));
}

const DOOR = {count: 24, width: 72, height: 72};  // frames in sampling.png, spread over the clip

function samplingSlider(place, strip) {
  const slider = (name, min, max, value) => {
    const input = element('input', {type: 'range', min, max, value}), told = element('output');
    const label = element('label', {}, element('span', {textContent: name}), input, told);
    input.oninput = () => draw();
    return {label, input, told, get value() { return +input.value; }};
  };
  const ways = element('select', {onchange: () => draw()},
    ...[['centres', 'centres of segments'], ['jitter', 'segments, jittered'], ['stride', 'a fixed stride']]
      .map(([value, textContent]) => element('option', {value, textContent})));
  const n = slider('frames of the clip, n', 1, 300, 72), T = slider('frames taken, T', 1, 16, 8);
  const stride = slider('stride', 1, 32, 4);
  const line = element('div', {className: 'line', 'aria-hidden': 'true'});
  const row = element('div', {className: 'taken', 'aria-hidden': 'true'});
  const said = element('p', {role: 'status'});
  let draws = [];
  const drawAgain = () => { draws = Array.from({length: 16}, Math.random); };
  const again = element('button', {
    type: 'button', textContent: 'Draw again', onclick() { drawAgain(); draw(); }});

  const taken = () => ways.value === 'stride' ? windowIndices(n.value, T.value, stride.value)
    : segmentIndices(n.value, T.value, ways.value === 'jitter' ? draws : Array(16).fill(0.5));
  const draw = () => {
    const indices = taken(), strided = ways.value === 'stride';
    for (const part of [n, T, stride]) part.told.textContent = part.value;
    stride.label.hidden = !strided;
    again.hidden = ways.value !== 'jitter';
    const edges = strided ? [] : Array.from({length: T.value - 1}, (_, i) => (i + 1) / T.value);
    const at = (share, kind) => { const mark = element('i', {className: kind}); mark.style.left = `${100 * share}%`; return mark; };
    line.replaceChildren(...edges.map(share => at(share, 'edge')),
      ...indices.map(k => at((k + 0.5) / n.value, 'dot')));
    row.replaceChildren(...indices.map(k => {
      const shown = stripFrame(strip, DOOR);
      showFrame(shown, Math.floor((k + 0.5) / n.value * DOOR.count), DOOR.count);
      return element('figure', {}, shown, element('figcaption', {textContent: k}));
    }));
    const share = (indices.at(-1) - indices[0] + 1) / n.value;
    said.textContent = `Frames ${indices.join(', ')}: from first to last ${Math.round(100 * share)} % of the clip.`;
  };
  drawAgain();
  place.replaceChildren(element('h4', {textContent: 'Take frames yourself'}),
    element('label', {}, element('span', {textContent: 'way'}), ways, again),
    n.label, T.label, stride.label, line, row, said);
  draw();
}

const samplingFiles = document.currentScript.src.replace(/sampling\.js.*$/, '');
document.addEventListener('DOMContentLoaded', () => {
  const place = document.querySelector('.sampling-slider');
  if (place) samplingSlider(place, `${samplingFiles}sampling.png`);
});
