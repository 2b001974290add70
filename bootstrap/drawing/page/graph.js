'use strict';
// The page's behaviour: pan and zoom, search, a panel for the chosen node. Everything works by keyboard.
const data = JSON.parse(document.getElementById('data').textContent);
const map = document.getElementById('map');
const view = document.getElementById('view');
const panel = document.querySelector('aside');
const find = document.getElementById('find');
const count = document.getElementById('count');
const nodes = [...map.querySelectorAll('.node')];
const edges = [...map.querySelectorAll('.edge')];
const numberOf = new Map(data.nodes.map((node, number) => [node.id, number]));
const neighbours = data.nodes.map(() => new Set());
const STATES = {ok: 'ok', warning: 'warning', broken: 'broken', unknown: 'not known'};
const SHOWN = 40;

for (const edge of data.edges) {
  const source = numberOf.get(edge.source);
  const target = numberOf.get(edge.target);
  neighbours[source].add(target);
  neighbours[target].add(source);
}

let x = 0, y = 0, scale = 1;
let hits = [], hit = -1, chosen = -1;

function draw() {
  view.setAttribute('transform', `translate(${x},${y}) scale(${scale})`);
  map.classList.toggle('far', scale < 0.42);
  map.style.setProperty('--far', `${Math.min(90, 13 / scale)}px`);
}

function fit() {
  const frame = map.getBoundingClientRect();
  scale = Math.min(1.4, frame.width / data.width, frame.height / data.height);
  x = (frame.width - data.width * scale) / 2;
  y = (frame.height - data.height * scale) / 2;
  draw();
}

function zoom(factor, atX, atY) {
  const frame = map.getBoundingClientRect();
  const [cx, cy] = [atX ?? frame.width / 2, atY ?? frame.height / 2];
  const next = Math.min(4, Math.max(0.02, scale * factor));
  x = cx - (cx - x) * next / scale;
  y = cy - (cy - y) * next / scale;
  scale = next;
  draw();
}

function centre(number) {
  const [left, top, width, height] = data.boxes[number];
  const frame = map.getBoundingClientRect();
  scale = Math.max(scale, 0.9);
  x = frame.width / 2 - (left + width / 2) * scale;
  y = frame.height / 2 - (top + height / 2) * scale;
  draw();
}

function say(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  panel.append(element);
}

function choose(number, move) {
  chosen = number;
  nodes.forEach((node, other) => {
    node.classList.toggle('now', other === number);
    node.classList.toggle('near', number >= 0 && (other === number || neighbours[number].has(other)));
  });
  edges.forEach((edge) => {
    const ends = edge.dataset.ends.split('\n').map((id) => numberOf.get(id));
    edge.classList.toggle('near', ends.includes(number));
  });
  map.classList.toggle('chosen', number >= 0);
  panel.classList.toggle('open', number >= 0);
  panel.replaceChildren();
  if (number < 0) return;
  const node = data.nodes[number];
  say('h2', `${node.kind} ${node.label}`);
  say('p', `state: ${STATES[node.state]}`);
  if (node.group) say('p', `in ${node.group}`);
  if (node.where) say('p', node.where);
  node.note.forEach((line) => say('p', line));
  for (const edge of data.edges.filter((one) => one.source === node.id).slice(0, SHOWN)) {
    say('p', `→ ${edge.target}${edge.label ? ` (${edge.label})` : ''}${edge.state === 'broken' ? ', cut' : ''}`);
  }
  for (const edge of data.edges.filter((one) => one.target === node.id).slice(0, SHOWN)) {
    say('p', `← ${edge.source}`);
  }
  if (move) centre(number);
}

function seek() {
  const wanted = find.value.trim().toLowerCase();
  hits = [];
  data.nodes.forEach((node, number) => {
    const text = `${node.kind} ${node.label} ${node.id} ${node.group} ${node.state}`.toLowerCase();
    if (wanted && text.includes(wanted)) hits.push(number);
  });
  const found = new Set(hits);
  nodes.forEach((node, number) => node.classList.toggle('hit', found.has(number)));
  map.classList.toggle('seeking', wanted !== '');
  count.textContent = wanted ? `${hits.length} found` : `${data.nodes.length} nodes`;
  hit = -1;
}

function next(step) {
  if (!hits.length) return;
  hit = (hit + step + hits.length) % hits.length;
  choose(hits[hit], true);
  count.textContent = `${hit + 1} of ${hits.length}`;
}

find.addEventListener('input', seek);
find.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') {
    event.preventDefault();
    next(event.shiftKey ? -1 : 1);
  } else if (event.key === 'Escape') {
    find.value = '';
    seek();
    choose(-1);
    find.blur();
  }
});

map.addEventListener('wheel', (event) => {
  event.preventDefault();
  const frame = map.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - frame.left, event.clientY - frame.top);
}, {passive: false});

let drag = null;
map.addEventListener('pointerdown', (event) => {
  drag = {
    x: event.clientX - x, y: event.clientY - y, startX: event.clientX, startY: event.clientY,
    node: event.target.closest('.node'),
  };
  map.setPointerCapture(event.pointerId);
});
map.addEventListener('pointermove', (event) => {
  if (!drag) return;
  x = event.clientX - drag.x;
  y = event.clientY - drag.y;
  draw();
});
map.addEventListener('pointerup', (event) => {
  if (drag && Math.hypot(event.clientX - drag.startX, event.clientY - drag.startY) < 4) {
    choose(drag.node ? Number(drag.node.dataset.node) : -1);
  }
  drag = null;
});

nodes.forEach((node, number) => {
  node.addEventListener('focus', () => { if (node.matches(':focus-visible')) centre(number); });
  node.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      choose(number);
    }
  });
});

const STEP = 60;
const KEYS = {
  '/': () => find.focus(),
  '+': () => zoom(1.25),
  '=': () => zoom(1.25),
  '-': () => zoom(0.8),
  '0': fit,
  Escape: () => choose(-1),
  ArrowLeft: () => { x += STEP; draw(); },
  ArrowRight: () => { x -= STEP; draw(); },
  ArrowUp: () => { y += STEP; draw(); },
  ArrowDown: () => { y -= STEP; draw(); },
};
document.addEventListener('keydown', (event) => {
  if (event.target === find || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

document.getElementById('in').onclick = () => zoom(1.25);
document.getElementById('out').onclick = () => zoom(0.8);
document.getElementById('fit').onclick = fit;
document.getElementById('theme').onclick = () => {
  const classes = document.documentElement.classList;
  const dark = classes.contains('dark')
    || (!classes.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches);
  classes.toggle('dark', !dark);
  classes.toggle('light', dark);
};
addEventListener('resize', fit);
seek();
fit();
