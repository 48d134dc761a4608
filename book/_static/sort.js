// Tables of class "sortable": a click on the name of a column sorts by it, another one turns the order.

// What a cell is sorted by: the number it begins with, or its text.
const sortKey = cell => {
  const number = parseFloat(cell.textContent.replace(/,/g, ''));
  return Number.isNaN(number) ? cell.textContent.toLowerCase() : number;
};
// Numbers come before texts.
const inOrder = (a, b) => typeof a === typeof b
  ? (a > b) - (a < b)
  : (typeof a === 'number' ? -1 : 1);

function sortBy(table, column, falling) {
  const body = table.tBodies[0], sign = falling ? -1 : 1;
  [...body.rows]
    .sort((a, b) => sign * inOrder(sortKey(a.cells[column]), sortKey(b.cells[column])))
    .forEach(row => body.append(row));
  [...table.tHead.rows[0].cells].forEach((cell, i) => {
    if (i === column) cell.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
    else cell.removeAttribute('aria-sort');
  });
}

addEventListener('DOMContentLoaded', () => {
  for (const table of document.querySelectorAll('table.sortable')) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = cell.textContent;
      // Figures are asked for from the largest, names from the first.
      button.onclick = () => {
        const now = cell.getAttribute('aria-sort'), first = table.tBodies[0].rows[0];
        const number = typeof sortKey(first.cells[column]) === 'number';
        sortBy(table, column, now ? now === 'ascending' : number);
      };
      cell.replaceChildren(button);
    });
  }
});
