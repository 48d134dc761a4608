// Each animation of the page becomes a player that can be stopped and stepped through.
// `ANIMATIONS` is written by _extensions/animations.py: file name -> frames, width, height,
// milliseconds.

function playerOf(image, {frames, width, height, milliseconds}) {
  const strip = image.src.replace(/\.png$/, '.strip.png');
  const shown = stripFrame(strip, {count: frames, width, height});
  shown.setAttribute('role', 'img');
  shown.setAttribute('aria-label', image.alt);
  const controls = playerControls(frames, milliseconds, step => showFrame(shown, step, frames));
  return element('div', {className: 'animation'}, shown, controls);
}

document.addEventListener('DOMContentLoaded', () => {
  for (const image of document.querySelectorAll('.bd-article img')) {
    const animation = ANIMATIONS[image.src.split('/').pop()];
    // Sphinx makes some images links to themselves: an animation is none.
    if (animation) (image.closest('a') ?? image).replaceWith(playerOf(image, animation));
  }
});
