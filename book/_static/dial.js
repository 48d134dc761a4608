// The bias dial: how right the models are that the chapter has trained, at any dial of the test.
// It reads the numbers that the chapter printed: {model: one list per dial, one [a+, a-] per seed}.

// Accuracy from 0 to 1 at test dial e (the chapter's equation of the seesaw).
const seesaw = ([agreeing, opposing], e) => ((1 + e) * agreeing + (1 - e) * opposing) / 2;

function biasDial(place, {dials, sides}) {
  const slider = (name, properties) => {
    const input = element('input', {type: 'range', ...properties, oninput: () => draw()});
    const told = element('output');
    return {label: element('label', {}, element('span', {textContent: name}), input, told), input, told};
  };
  const trained = slider('dial of the training', {min: 0, max: dials.length - 1, step: 1, value: 3});
  const tested = slider('dial of the test', {min: -1, max: 1, step: 0.05, value: 0.9});
  const colours = {mean: 'var(--mean)', LSTM: 'var(--lstm)'};
  const rows = Object.keys(sides).map(name => {
    const spread = element('span', {className: 'spread'}), value = element('span', {className: 'value'});
    const track = element('div', {className: 'bar'}, spread, element('span'));
    track.style.setProperty('--colour', colours[name]);
    return {name, track, spread, mean: track.lastChild, value};
  });
  const bars = element('div', {className: 'bars'}, ...rows.flatMap(({name, track, value}) =>
    [element('span', {className: 'name', textContent: name}), track, value]));
  const said = element('p', {role: 'status'});

  const draw = () => {
    const row = +trained.input.value, e = +tested.input.value;
    trained.told.textContent = trained.input.ariaValueText = dials[row];
    tested.told.textContent = e.toFixed(2);
    for (const {name, spread, mean, value} of rows) {
      const found = sides[name][row].map(pair => 100 * seesaw(pair, e));
      const average = found.reduce((a, b) => a + b) / found.length;
      const [low, high] = [Math.min(...found), Math.max(...found)];
      mean.style.width = `${average}%`;
      spread.style.left = `${low}%`;
      spread.style.width = `${high - low}%`;
      value.textContent = `${average.toFixed(0)} % (${low.toFixed(0)}-${high.toFixed(0)})`;
    }
    said.textContent = `Of 100 test clips about ${Math.round(50 * (1 + e))} agree with the wall.`;
  };
  place.replaceChildren(element('h4', {textContent: 'Turn the dial yourself'}),
    trained.label, tested.label, bars, said);
  draw();
}

document.addEventListener('DOMContentLoaded', () => {
  const place = document.querySelector('.bias-dial');
  const printed = document.querySelector('.tag_dial-numbers .output pre');
  if (place && printed) biasDial(place, JSON.parse(printed.textContent));
});
