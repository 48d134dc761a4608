// Where a page is narrow, outputs, tables and formulas get smaller type until they fit; an output that is
// still too wide is wrapped. So nobody scrolls sideways, but in code.
const SMALLEST_OUTPUT = 9;  // pixels
const SMALLEST_FORMULA = 0.5;  // of its size

function fitOutput(pre) {
  pre.style.fontSize = '';
  pre.classList.remove('wrapped');
  if (pre.scrollWidth <= pre.clientWidth) return;
  const {fontSize, paddingLeft, paddingRight} = getComputedStyle(pre);
  const padding = parseFloat(paddingLeft) + parseFloat(paddingRight);
  const ratio = (pre.clientWidth - padding) / (pre.scrollWidth - parseFloat(paddingLeft));
  const size = Math.floor(10 * ratio * parseFloat(fontSize)) / 10;
  pre.style.fontSize = `${Math.max(size, SMALLEST_OUTPUT)}px`;
  if (pre.scrollWidth > pre.clientWidth) pre.classList.add('wrapped');
}

function fitFormula(block) {
  const formula = block.querySelector('mjx-container');
  if (!formula) return;
  formula.style.fontSize = '';
  const full = parseFloat(getComputedStyle(formula).fontSize);
  for (let tries = 0; tries < 3 && formula.scrollWidth > formula.clientWidth + 1; tries++) {
    const size = parseFloat(getComputedStyle(formula).fontSize);
    const smaller = 0.99 * size * formula.clientWidth / formula.scrollWidth;
    formula.style.fontSize = `${Math.max(smaller, SMALLEST_FORMULA * full)}px`;
  }
}

function fitTable(table) {
  const box = table.parentElement;
  table.style.fontSize = '';
  for (let tries = 0; tries < 3 && table.scrollWidth > box.clientWidth; tries++) {
    const size = 0.98 * parseFloat(getComputedStyle(table).fontSize);
    table.style.fontSize = `${Math.max(size * box.clientWidth / table.scrollWidth, SMALLEST_OUTPUT)}px`;
  }
}

// Lets names such as fused_streams and aggregators/mean break where a reader would.
function letNamesBreak(table) {
  for (const cell of table.querySelectorAll('th, td')) {
    if (cell.children.length) continue;
    cell.replaceChildren(...cell.textContent.split(/(?<=[_/])/).flatMap(
      (part, i) => i ? [document.createElement('wbr'), part] : [part]));
  }
}

// Calls `fit` at once and whenever the element's width has changed, as when it is unfolded.
function keepFitting(elements, fit) {
  const widths = new WeakMap();
  const observer = new ResizeObserver(changes => {
    for (const {target, contentRect} of changes) {
      if (widths.get(target) === contentRect.width) continue;
      widths.set(target, contentRect.width);
      fit(target);
    }
  });
  for (const element of elements) observer.observe(element);
}

document.addEventListener('DOMContentLoaded', async () => {
  const outputs = [...document.querySelectorAll('.cell_output pre, .bd-article .highlight-text pre')];
  keepFitting(outputs, fitOutput);
  const tables = [...document.querySelectorAll('.bd-article table')];
  tables.forEach(letNamesBreak);
  keepFitting(tables.map(table => table.parentElement), box => fitTable(box.querySelector('table')));
  await window.MathJax?.startup?.promise;
  keepFitting(document.querySelectorAll('div.math'), fitFormula);
});
