// The picture or video with its slider, clicks and table. Python says what there is in `props.value`; what a
// visitor does goes back as the event 'act'.
const root = element.querySelector('.sav');
const find = (selector) => root.querySelector(selector);
const frame = find('.frame'), slide = find('.slide input'), divider = find('.divider');
const cross = find('.cross'), marquee = find('.marquee'), seek = find('.seek');
const images = { source: find('img.source'), result: find('img.result') };
const videos = { source: find('video.source'), result: find('video.result') };
const still = find('img.still'), glimpse = find('img.glimpse');
let shown = {}, tool = 'choose', place = null, corner = null, drag = null;

const said = (what) => trigger('act', shown.kind === 'video' ? { ...what, time: videos.result.currentTime } : what);
const name = () => find('.name input').value;

function show(value) {
  const isNew = value.token !== shown.token, before = isNew ? [] : shown.rows || [];
  shown = value;
  root.dataset.kind = value.kind || '';
  root.classList.toggle('done', Boolean(value.result));
  if (value.kind === 'picture') showPicture(value);
  if (value.kind === 'video') showVideo(value);
  showGlimpse(value);
  holdStill();
  if (isNew) { place = corner = null; drawMarks(); }
  showFiles(value.files || []);
  showRows(value.rows || []);
  const fresh = (value.rows || []).filter((row, position) => row.chosen && !before[position]?.chosen);
  uncover(Math.min(...fresh.map((row) => row.left ?? Infinity)));
  slideTo(slide.value);
}

const widen = (width, height) => { if (width && height) frame.style.setProperty('--wide', width / height); };

function showPicture(value) {
  widen(value.width, value.height);
  if (images.source.getAttribute('src') !== value.source) images.source.src = value.source;
  if (!value.result) { images.result.removeAttribute('src'); return; }
  if (images.result.getAttribute('src') === value.result) return;
  const next = new Image();  // what is shown stays until the next is here
  next.onload = () => { if (shown.result === value.result) images.result.src = value.result; };
  next.src = value.result;
}

function showVideo(value) {
  for (const which of ['source', 'result']) {
    if (videos[which].getAttribute('src') === value[which]) continue;
    if (value[which]) videos[which].src = value[which]; else videos[which].removeAttribute('src');
  }
}

// What the models are at covers the video until all of it is done.
function showGlimpse(value) {
  root.classList.toggle('working', Boolean(value.glimpse));
  if (!value.glimpse) { glimpse.removeAttribute('src'); return; }
  const next = new Image();
  next.onload = () => {
    if (shown.glimpse !== value.glimpse) return;
    widen(next.naturalWidth, next.naturalHeight);
    glimpse.src = value.glimpse;
  };
  next.src = value.glimpse;
}

// The frame with what is selected lies over the video while that is paused there.
function holdStill() {
  const at = shown.still, now = videos.result.currentTime + 0.001;
  const held = Boolean(at) && videos.result.paused && at.from <= now && now < at.to;
  root.classList.toggle('held', held);
  if (!at) still.removeAttribute('src'); else if (still.getAttribute('src') !== at.url) still.src = at.url;
}

let waiting = 0;
function lookAgain() {
  clearTimeout(waiting);
  if (!shown.still || !videos.result.paused || root.classList.contains('held')) return;
  waiting = setTimeout(() => said({ do: 'look' }), 200);
}

function showFiles(files) {
  find('.files').replaceChildren(...files.map((file) => {
    const item = document.createElement('li'), link = document.createElement('a');
    link.href = file.url;
    link.download = file.name;
    link.textContent = file.title;
    item.append(link);
    return item;
  }));
}

function showRows(rows) {
  const focused = document.activeElement?.dataset?.row;
  const heads = find('thead tr');
  heads.replaceChildren(heads.firstElementChild, ...(shown.columns || []).map((title) => {
    const head = document.createElement('th');
    head.scope = 'col';
    head.textContent = title;
    return head;
  }));
  find('tbody').replaceChildren(...rows.map((row, position) => {
    const line = document.createElement('tr'), box = document.createElement('input');
    line.classList.toggle('chosen', row.chosen);
    box.type = 'checkbox';
    box.checked = row.chosen;
    box.dataset.row = position;
    box.setAttribute('aria-label', row.label);
    line.append(...[box, ...row.cells].map((content) => {
      const cell = document.createElement('td');
      cell.append(content);
      return cell;
    }));
    return line;
  }));
  if (focused !== undefined) find(`[data-row="${focused}"]`)?.focus();
  find('.none').disabled = find('.remove').disabled = !rows.some((row) => row.chosen);
}

function slideTo(share) {
  divider.style.left = `${share}%`;
  for (const one of [images.result, videos.result, still]) one.style.clipPath = `inset(0 0 0 ${share}%)`;
}

// Places are in pixels of the picture, wherever and however large it is shown.
function placeOf(event) {
  const box = frame.getBoundingClientRect();
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return {
    x: within((event.clientX - box.left) / box.width * shown.width, shown.width),
    y: within((event.clientY - box.top) / box.height * shown.height, shown.height),
  };
}

const percent = (value, whole) => `${100 * value / whole}%`;

function drawMarks() {
  cross.hidden = !place;
  if (place) { cross.style.left = percent(place.x, shown.width); cross.style.top = percent(place.y, shown.height); }
  const from = drag || corner, to = place;
  marquee.hidden = !(from && to);
  if (marquee.hidden) return;
  marquee.style.left = percent(Math.min(from.x, to.x), shown.width);
  marquee.style.top = percent(Math.min(from.y, to.y), shown.height);
  marquee.style.width = percent(Math.abs(to.x - from.x), shown.width);
  marquee.style.height = percent(Math.abs(to.y - from.y), shown.height);
}

// Places in a video can be clicked once it is done; it pauses for that.
const clickable = () => shown.kind === 'picture' || (shown.kind === 'video' && Boolean(shown.result) && !shown.glimpse);
const toolNow = () => (shown.kind === 'picture' ? tool : 'choose');

// What is selected or added where the source is shown becomes seen.
function uncover(x) {
  if (100 * x / shown.width < slide.value) { slide.value = 0; slideTo(0); }
}

function click(at) {
  if (shown.kind === 'video') videos.result.pause();
  uncover(at.x);
  if (toolNow() === 'choose') said({ do: 'choose', x: at.x, y: at.y });
  else said({ do: 'mask', x: at.x, y: at.y, name: name() });
}

function box(from, to) {
  if (Math.abs(from.x - to.x) < 2 || Math.abs(from.y - to.y) < 2) return;
  said({ do: 'mask', x: from.x, y: from.y, x1: to.x, y1: to.y, name: name() });
}

frame.addEventListener('pointerdown', (event) => {
  if (!clickable() || event.button) return;
  frame.focus({ preventScroll: true });
  place = placeOf(event);
  corner = null;
  if (toolNow() === 'box') { drag = place; frame.setPointerCapture(event.pointerId); }
});
frame.addEventListener('pointermove', (event) => {
  if (!drag) return;
  place = placeOf(event);
  drawMarks();
});
frame.addEventListener('pointerup', (event) => {
  if (!clickable() || event.button || !place) return;
  const at = placeOf(event);
  if (drag) box(drag, at); else if (toolNow() !== 'box') click(at);
  drag = place = null;
  drawMarks();
});
frame.addEventListener('pointercancel', () => { drag = place = null; drawMarks(); });

frame.addEventListener('keydown', (event) => {
  if (!clickable()) return;
  const step = Math.max(shown.width, shown.height) * (event.shiftKey ? 0.05 : 0.01);
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  if (event.key in moves) {
    const from = place || { x: shown.width / 2, y: shown.height / 2 }, [dx, dy] = moves[event.key];
    place = {
      x: Math.min(Math.max(from.x + dx, 0), shown.width),
      y: Math.min(Math.max(from.y + dy, 0), shown.height),
    };
  } else if (event.key === 'Enter' || event.key === ' ') {
    place = place || { x: shown.width / 2, y: shown.height / 2 };
    if (toolNow() !== 'box') click(place);
    else if (!corner) corner = place;
    else { box(corner, place); corner = null; }
  } else if (event.key === 'Escape') {
    corner = place = null;
  } else return;
  event.preventDefault();
  drawMarks();
});

root.addEventListener('change', (event) => {
  if (event.target.name === 'sav-tool') { tool = frame.dataset.tool = event.target.value; corner = null; drawMarks(); }
  if (event.target.dataset.row !== undefined) toggle(Number(event.target.dataset.row), event.target.checked);
});
// A track that is selected in the table is gone to where it is seen.
function toggle(row, isChosen) {
  const { first, last } = shown.rows[row], video = videos.result;
  if (shown.kind === 'video') {
    video.pause();
    if (isChosen) uncover(0);
    if (isChosen && (video.currentTime < first || video.currentTime > last)) video.currentTime = first + 0.002;
  }
  said({ do: 'toggle', row });
}
find('tbody').addEventListener('click', (event) => {
  if (!event.target.matches('input')) event.target.closest('tr')?.querySelector('input').click();
});
slide.addEventListener('input', () => slideTo(slide.value));
find('.none').addEventListener('click', () => said({ do: 'none' }));
find('.remove').addEventListener('click', () => said({ do: 'remove' }));
frame.dataset.tool = tool;

// Both videos play as one: the result leads, the source follows without sound.
const leading = () => (shown.result ? videos.result : videos.source);
find('.toggle').addEventListener('click', () => {
  const video = leading();
  if (video.paused) video.play().catch(() => {}); else video.pause();
});
find('.sound').addEventListener('click', (event) => {
  videos.result.muted = !videos.result.muted;
  event.target.setAttribute('aria-pressed', String(!videos.result.muted));
});
videos.result.muted = true;
seek.addEventListener('input', () => { leading().currentTime = seek.value * (leading().duration || 0); });
for (const video of Object.values(videos)) {
  video.addEventListener('loadedmetadata', () => widen(video.videoWidth, video.videoHeight));
  video.addEventListener('timeupdate', () => { if (video === leading()) follow(video); });
  for (const what of ['play', 'pause', 'ended', 'seeked']) video.addEventListener(what, () => { if (video === leading()) follow(video); });
}

function follow(video) {
  if (video.duration) seek.value = video.currentTime / video.duration;
  find('.toggle').textContent = video.paused ? 'Play' : 'Pause';
  if (video !== videos.result) return;
  holdStill();
  lookAgain();
  const other = videos.source;
  if (Math.abs(other.currentTime - video.currentTime) > 0.08) other.currentTime = video.currentTime;
  if (video.paused !== other.paused) { if (video.paused) other.pause(); else other.play().catch(() => {}); }
}

// On a phone what happens is below the button that was pressed.
const status = document.querySelector('#sav-status');
document.querySelector('#sav-start')?.addEventListener('click', () => {
  if (window.innerWidth < 700) status?.scrollIntoView({ behavior: 'smooth' });
});

// What this browser cannot play, the models may read all the same.
videos.source.addEventListener('error', () => {
  if (!videos.source.getAttribute('src')) return;
  root.classList.add('unplayed');
  slide.value = 0;
  slideTo(0);
});
videos.source.addEventListener('loadedmetadata', () => root.classList.remove('unplayed'));

watch('value', () => show(props.value || {}));
show(props.value || {});
