// What test_pages.py asks of a page; Chromium knows these functions on every page it opens.
const look = {
  // The theme's own, which would be seen half-way.
  stopMotion() {
    const style = document.createElement('style');
    style.textContent = '*, *::before, *::after { transition: none !important }';
    document.head.append(style);
  },

  lostImages() {
    const lost = [...document.images].filter(i => !i.complete || !i.naturalWidth);
    const videos = [...document.querySelectorAll('video')].filter(v => v.error);
    return [...lost, ...videos].map(e => e.currentSrc || e.outerHTML);
  },

  // Formulas that are not set, or set with an error, an unknown macro or a dangling reference.
  badFormulas() {
    const mistakes = 'mjx-merror, mtext[mathcolor="red"], mjx-container a[href="#"]';
    const formulas = [...document.querySelectorAll('.math')];
    const bad = formulas.filter(
      f => !f.querySelector('mjx-container') || f.querySelector(mistakes));
    return bad.map(f => f.textContent);
  },

  tooWide() {
    const root = document.documentElement, width = root.clientWidth + 1;
    if (root.scrollWidth <= width) return [];
    const wide = [...document.body.querySelectorAll('*')].filter(
      e => e.getBoundingClientRect().right > width);
    return ['the page', ...wide.map(e => `${e.tagName} ${e.textContent.trim().slice(0, 40)}`)];
  },

  // The element that the keyboard is on: whether it can be seen, and that the keyboard is there.
  tabStop() {
    const e = document.activeElement, box = e.getBoundingClientRect();
    const style = getComputedStyle(e.closest('form') ?? e);  // a search field rings its form
    const shadow = !/^(none|rgba\(0, 0, 0, 0\))/.test(style.boxShadow);
    return {
      tag: e.tagName,
      name: `${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 40)}`,
      seen: box.width > 0 && box.height > 0 && style.visibility === 'visible',
      ringed: shadow || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    };
  },

  // Text whose contrast with its ground is below `least` (WCAG 2). Colours are read from a
  // painted pixel, so that any notation and any transparency is understood.
  faintText(theme, least) {
    document.documentElement.dataset.theme = theme;
    const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const light = colours => {
      for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
      return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0.05);
    };
    const layers = e => e ? [...layers(e.parentElement), getComputedStyle(e).backgroundColor] : [];
    const known = new Map(), contrast = e => {
      const colours = ['white', ...layers(e), getComputedStyle(e).color], key = colours.join();
      if (!known.has(key)) known.set(key, light(colours) / light(colours.slice(0, -1)));
      return Math.max(known.get(key), 1 / known.get(key));
    };
    const faint = new Set(), main = document.querySelector('main');
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement;
      if (text && e.checkVisibility() && !e.closest('.headerlink') && contrast(e) < least)
        faint.add(`${theme}: ${e.tagName} ${text.slice(0, 40)}`);
    }
    return [...faint];
  },

  // What photographs are laid on in the dark theme, and the filter they are seen through.
  cards() {
    document.documentElement.dataset.theme = 'dark';
    const images = document.querySelectorAll('.bd-article img:not(.drawing, .dark-light)');
    const styles = [...images].map(image => getComputedStyle(image));
    return styles.map(style => `${style.backgroundColor} ${style.filter}`);
  },

  // What drawings are laid on in the dark theme, and how far from its edge.
  grounds() {
    document.documentElement.dataset.theme = 'dark';
    const styles = [...document.querySelectorAll('.bd-article img.drawing')].map(
      image => getComputedStyle(image));
    return styles.map(style => `${style.backgroundColor} ${style.paddingTop}`);
  },

  // Files of the drawings that are in sight in a theme.
  drawings(theme) {
    document.documentElement.dataset.theme = theme;
    const drawings = [...document.querySelectorAll('.bd-article img.drawing')];
    return drawings.filter(image => image.checkVisibility()).map(image => image.src);
  },

  // What can be reached only by scrolling sideways; code may be.
  scrolledSideways() {
    const code = '.cell_input, [class*="highlight-"]:not(.highlight-text, .highlight-myst-ansi)';
    const scrolls = e => /auto|scroll/.test(getComputedStyle(e).overflowX);
    const wide = [...document.querySelectorAll('main *')].filter(
      e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && scrolls(e) && !e.closest(code));
    return wide.map(e => `${e.tagName}.${e.className} ${e.scrollWidth - e.clientWidth} px: `
      + e.textContent.trim().slice(0, 60));
  },

  // Captions that nobody sees.
  lostCaptions() {
    const captions = [...document.querySelectorAll('.bd-article figcaption')];
    return captions.filter(c => !c.checkVisibility()).map(c => c.textContent.trim());
  },

  // Formulas, and lines of outputs, that are cut off where they cannot be scrolled to.
  cutOff() {
    const main = (document.querySelector('.bd-article') ?? document.body).getBoundingClientRect();
    const formulas = [...document.querySelectorAll('div.math mjx-math')];
    const cut = formulas.filter(f => {
      const box = f.getBoundingClientRect();
      return box.width && (box.left < main.left - 1 || box.right > main.right + 1);
    });
    const outputs = [...document.querySelectorAll('.cell_output pre')];
    const hanging = outputs.filter(pre => {
      const style = getComputedStyle(pre);
      return parseFloat(style.textIndent) + parseFloat(style.paddingLeft) < 0;
    });
    return [...cut, ...hanging].map(e => e.textContent.trim().slice(0, 60));
  },

  // Images that do not say their size: text would jump while they load.
  unsized() {
    const images = [...document.querySelectorAll('.bd-article img')];
    return images.filter(i => !i.getAttribute('width') || !i.getAttribute('height'))
      .map(i => i.src);
  },
};
