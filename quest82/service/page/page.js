// Sends a clip to every model that is served, and shows what each says of it in either order.
// Nothing is computed here: both orders come with the answer.
'use strict';

const FRAME_MS = 220;  // for which a frame is shown
const MOST_CLASSES = 5;
const still = matchMedia('(prefers-reduced-motion: reduce)');
const $ = id => document.getElementById(id);
const state = {models: {}, key: '', clip: '', answers: [], order: 'forwards'};
let asking = new AbortController(), playing = 0;

// An element with attributes and children; texts are never read as HTML.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const readable = name => name.replaceAll('_', ' ');
const percent = share => `${(100 * share).toFixed(1)}%`;
const signed = value => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(2);
const inOrder = list => state.order === 'forwards' ? list : [...list].reverse();

// The JSON of an answer; whatever else comes is an error with a sentence.
async function call(address, options = {}) {
  const headers = state.key ? {'X-API-Key': state.key} : {};
  let response;
  try {
    response = await fetch(address, {...options, headers});
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Error('the service does not answer; is it still running?');
  }
  $('key-form').hidden = response.status !== 401;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.detail ?? `the service answers with status ${response.status}`);
}

async function findModels() {
  state.models = await call('api/models');
  say('', '');
}

async function ask(clip, name) {
  asking.abort();
  const mine = asking = new AbortController(), {signal} = mine;
  say(`Asking about ${name} …`, '');
  $('result').hidden = true;
  try {
    if (!Object.keys(state.models).length) await findModels();
    say(`Asking about ${name} …`, '');
    const versions = Object.keys(state.models);
    const answers = await Promise.all(versions.map(async version => {
      const body = new FormData();
      body.append('file', await clip(), name);
      return {version, ...await call(`api/${version}/explain`, {method: 'POST', body, signal})};
    }));
    if (signal.aborted) return;
    Object.assign(state, {clip: name, answers, order: 'forwards'});
    show();
    $('result').scrollIntoView({block: 'nearest'});
  } catch (error) {
    if (!signal.aborted) fail(error);
    mine.abort();  // the other models need not go on
  }
}

function say(status, error) {
  $('status').textContent = status;
  $('error').textContent = error;
}

function fail(error) {
  say('', error.message[0].toUpperCase() + error.message.slice(1) + '.');
}

function show() {
  $('result').hidden = false;
  $('heading').textContent = `${state.clip}, played ${state.order}`;
  $('turn').textContent =
    state.order === 'forwards' ? 'Play it backwards' : 'Play it forwards';
  $('answers').replaceChildren(...state.answers.map(answerOf));
  $('strips').replaceChildren(...groups().map(stripOf));
  $('legend').textContent = legend();
  const said = state.answers.map(a =>
    `${a.version} says ${readable(a[state.order].label)}, ${percent(a[state.order].confidence)}`);
  say(`Played ${state.order}: ${said.join('; ')}.`, '');
  play();
}

// The same rows in both orders, so that one sees which bars move.
function classesOf({forwards, backwards}) {
  const best = k => Math.max(forwards.probabilities[k], backwards.probabilities[k]);
  return Object.keys(forwards.probabilities)
    .sort((a, b) => best(b) - best(a)).slice(0, MOST_CLASSES);
}

function answerOf(answer) {
  const told = answer[state.order];
  const rows = classesOf(answer).map(name => {
    const share = told.probabilities[name], bar = make('span', {class: 'bar'});
    bar.style.width = percent(share);
    const row = make('li', {'data-class': name}, make('span', {}, readable(name)), ' ',
      make('span', {class: 'value'}, percent(share)), make('span', {class: 'track'}, bar));
    if (name === told.label) row.className = 'best';
    return row;
  });
  const rest = Object.keys(told.probabilities).length - rows.length;
  const card = make('article', {class: `card ${answer.version}`},
    make('h3', {}, `${answer.version} · ${answer.model.name}`), make('ol', {}, ...rows));
  if (rest > 0) card.append(make('p', {class: 'note'}, `and ${rest} less likely`));
  if (told.none_of_these)
    card.append(make('p', {class: 'none'}, 'Most likely none of these: the clip is unlike all '
      + 'that this model has learned from.'));
  return card;
}

// Models that saw the same frames share a strip.
function groups() {
  const found = new Map();
  for (const answer of state.answers) {
    const key = JSON.stringify([answer.frames, answer.thumbnails]);
    found.set(key, [...found.get(key) ?? [], answer]);
  }
  return [...found.values()];
}

function stripOf(answers, _, all) {
  const numbers = inOrder(answers[0].frames), images = inOrder(answers[0].thumbnails);
  const cells = numbers.map((number, t) => make('li', {},
    make('img', {src: images[t], alt: ''}), make('span', {class: 'number'}, `frame ${number}`),
    ...answers.map(answer => shareOf(answer, t))));
  const names = answers.map(answer => answer.version).join(' and ');
  const title = all.length > 1 ? `The frames that ${names} saw` : 'The frames that the models saw';
  return make('div', {}, make('h3', {}, title), make('ol', {class: 'strip'}, ...cells));
}

// What frame t of the order that is shown adds: a bar from the middle, to the right if it is for.
function shareOf(answer, t) {
  const both = [...answer.forwards.contributions, ...answer.backwards.contributions];
  const most = Math.max(...both.map(Math.abs)) || 1;
  const share = answer[state.order].contributions[t], bar = make('span', {class: 'bar'});
  bar.style.width = percent(Math.abs(share) / most / 2);
  bar.classList.add(share < 0 ? 'against' : 'for');
  return make('span', {class: `share ${answer.version}`}, `${answer.version} `,
    make('span', {class: 'value'}, signed(share)), make('span', {class: 'track'}, bar));
}

function legend() {
  const how = state.answers.map(answer => `${answer.version}: ` + (answer.adds_up
    ? 'exact, as its score is a sum over the frames.'
    : 'what its score loses when the frame is left out.'));
  return 'The bar under a frame is what that frame adds to the model’s answer: to the right it '
    + `speaks for the answer, to the left against it. ${how.join(' ')}`;
}

// Shows the frames one after the other, once.
function play() {
  clearInterval(playing);
  const {frames, thumbnails} = state.answers[0];
  const numbers = inOrder(frames), images = inOrder(thumbnails);
  const cells = $('strips').querySelectorAll('.strip:first-of-type li');
  let t = 0;
  const next = () => {
    $('shown').src = images[t];
    $('shown').alt = `Frame ${numbers[t]}`;
    cells.forEach((cell, i) => cell.classList.toggle('now', i === t && !still.matches));
    t += 1;
    if (t === images.length) clearInterval(playing);
  };
  if (!still.matches) playing = setInterval(next, FRAME_MS);
  next();
}

function turn() {
  state.order = state.order === 'forwards' ? 'backwards' : 'forwards';
  show();
}

function drop(event) {
  event.preventDefault();
  $('drop').classList.remove('over');
  const [file] = event.dataTransfer.files;
  if (file) ask(() => file, file.name);
}

function hover(event) {
  event.preventDefault();  // else the browser would open what is dropped
  $('drop').classList.toggle('over', event.type === 'dragover');
}

async function sample(name) {
  const response = await fetch(`page/${name}`);
  return response.blob();
}

$('file').addEventListener('change', event => {
  const [file] = event.target.files;
  if (file) ask(() => file, file.name);
  event.target.value = '';  // so that the same file may be chosen again
});
for (const button of document.querySelectorAll('[data-sample]'))
  button.addEventListener('click',
    () => ask(() => sample(button.dataset.sample), button.dataset.sample));
$('turn').addEventListener('click', turn);
$('key-form').addEventListener('submit', event => {
  event.preventDefault();
  state.key = $('key').value;
  findModels().catch(fail);
});
addEventListener('drop', drop);
addEventListener('dragover', hover);
addEventListener('dragleave', hover);
findModels().catch(fail);
