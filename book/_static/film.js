// Each moving picture of the page becomes a film that can be stopped and stepped through.
// `FILMS` is written by _extensions/films.py: file name -> frames, width, height, milliseconds.

function filmOf(picture, {frames, width, height, milliseconds}) {
  const strip = picture.src.replace(/\.png$/, '.strip.png');
  const shown = pictureOf(strip, {count: frames, width, height});
  shown.setAttribute('role', 'img');
  shown.setAttribute('aria-label', picture.alt);
  const controls = playerControls(frames, milliseconds, step => showPicture(shown, step, frames));
  return element('div', {className: 'film'}, shown, controls);
}

document.addEventListener('DOMContentLoaded', () => {
  for (const picture of document.querySelectorAll('.bd-article img')) {
    const film = FILMS[picture.src.split('/').pop()];
    // Sphinx makes some pictures links to themselves: a film is none.
    if (film) (picture.closest('a') ?? picture).replaceWith(filmOf(picture, film));
  }
});
