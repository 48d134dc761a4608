// A player for frames that lie side by side in one strip: play, pause, and a slider to step by.
// Classic scripts, no modules: the book is read as files, too, where browsers refuse modules.

// An element of a kind, with properties and children.
function element(kind, properties = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(properties))
    name in made ? made[name] = value : made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// The element shows frame `index` of a strip of `count` frames.
function showFrame(shown, index, count) {
  shown.style.backgroundPosition = `${count > 1 ? 100 * index / (count - 1) : 0}% 0`;
}

// An element as wide as one frame of a strip, that shows one at a time.
function stripFrame(strip, {count, width, height}) {
  const shown = element('div', {className: 'strip-frame'});
  shown.style.backgroundImage = `url("${strip}")`;
  shown.style.backgroundSize = `${100 * count}% 100%`;
  shown.style.aspectRatio = `${width} / ${height}`;
  shown.style.width = `${width}px`;
  showFrame(shown, 0, count);
  return shown;
}

// Button and slider. `show(step)` is called for each step; whoever asked their system for less
// motion starts with an animation at rest.
function playerControls(steps, milliseconds, show) {
  let timer = null;
  const button = element('button', {type: 'button'});
  const slider = element('input', {
    type: 'range', min: 0, max: steps - 1, value: 0, 'aria-label': 'frame',
  });
  const place = element('output', {'aria-live': 'off'});
  const go = step => {
    slider.value = step;
    slider.setAttribute('aria-valuetext', `frame ${step + 1} of ${steps}`);
    place.textContent = `${step + 1}/${steps}`;
    show(step);
  };
  const rest = () => { clearInterval(timer); timer = null; button.textContent = 'Play'; };
  const play = () => {
    timer = setInterval(() => go((+slider.value + 1) % steps), milliseconds);
    button.textContent = 'Pause';
  };
  button.onclick = () => timer ? rest() : play();
  slider.oninput = () => { rest(); go(+slider.value); };
  go(0);
  matchMedia('(prefers-reduced-motion: reduce)').matches ? rest() : play();
  return element('div', {className: 'controls'}, button, slider, place);
}
