// The two pages of SoftFactory. Everything that comes from the API enters the
// page as text (textContent), never as markup.
'use strict';

const won = new Intl.NumberFormat('ko-KR', {
  style: 'currency', currency: 'KRW',
});

function make(tag, className = '', text = '') {
  const element = document.createElement(tag);
  if (className)
    element.className = className;
  element.textContent = text;
  return element;
}

function within(element, ...children) {
  element.append(...children);
  return element;
}

// The body and the targets of the Link header (RFC 8288) by their rel. What
// went wrong is thrown as the words of the problem document (RFC 9457).
async function ask(url) {
  const answer = await fetch(url, {headers: {Accept: 'application/json'}});
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok)
    throw new Error(body.detail || body.title || `status ${answer.status}`);
  return {body, links: linksOf(answer.headers.get('Link') || '')};
}

function linksOf(header) {
  const links = {};
  for (const [, url, rel] of header.matchAll(/<([^>]*)>\s*;\s*rel="?(\w+)/g))
    links[rel] = url;
  return links;
}

function card(title, detail, price) {
  return within(make('article', 'card'), make('h3', '', title),
                make('p', '', detail), make('p', 'price', price));
}

function chefCard(chef) {
  return card(chef.name, `${chef.cuisine}, ${chef.city} · ★ ${chef.rating} ` +
              `from ${chef.review_count}`, `${won.format(chef.hourly_rate)} ` +
              'an hour');
}

function productCard(product) {
  return card(product.name, product.description,
              product.price ? `${won.format(product.price)} a month` : 'free');
}

async function showCards(id, url, toCard) {
  const box = document.getElementById(id);
  if (!box)
    return;
  try {
    const {body} = await ask(url);
    box.replaceChildren(...body.map(toCard));
  } catch (error) {
    box.replaceChildren(make('p', 'note', `Not available: ${error.message}`));
  }
}

async function showHealth() {
  const box = document.getElementById('health');
  try {
    const answer = await fetch('/api/health', {cache: 'no-store'});
    box.className = `health ${answer.ok ? 'good' : 'bad'}`;
    box.textContent = answer.ok ? 'healthy' : `status ${answer.status}`;
  } catch {
    box.className = 'health bad';
    box.textContent = 'no answer';
  }
}

function chefRow(chef) {
  return within(make('tr'), make('td', '', chef.name),
                make('td', '', chef.cuisine), make('td', '', chef.city),
                make('td', 'number', chef.rating.toFixed(2)),
                make('td', 'number', chef.review_count),
                make('td', 'number', chef.hourly_rate.toLocaleString()));
}

// The list of chefs: the form makes the first address, the Link header of
// each answer all others. Only the latest request may write to the page.
function chefList(form) {
  const rows = document.getElementById('chef-rows');
  const note = document.getElementById('chef-note');
  const buttons = {
    prev: document.getElementById('chef-prev'),
    next: document.getElementById('chef-next'),
  };
  let links = {};
  let latest = 0;

  async function load(url) {
    const mine = ++latest;
    try {
      const answer = await ask(url);
      if (mine !== latest)
        return;
      links = answer.links;
      rows.replaceChildren(...answer.body.map(chefRow));
      note.textContent = answer.body.length ? '' : 'No such chef.';
    } catch (error) {
      if (mine !== latest)
        return;
      links = {};
      rows.replaceChildren();
      note.textContent = `Not available: ${error.message}`;
    }
    for (const [rel, button] of Object.entries(buttons))
      button.disabled = !links[rel];
  }

  function first() {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form))
      if (value)
        query.set(name, value);
    load(`/api/coocook/chefs?${query}`);
  }

  form.addEventListener('change', first);
  form.addEventListener('submit', (event) => event.preventDefault());
  for (const [rel, button] of Object.entries(buttons))
    button.addEventListener('click', () => load(links[rel]));
  first();
}

for (const place of document.querySelectorAll('.origin'))
  place.textContent = location.origin;
showHealth();
showCards('best-chefs', '/api/coocook/chefs?limit=6', chefCard);
showCards('products', '/api/platform/products?limit=12', productCard);
const filter = document.getElementById('chef-filter');
if (filter)
  chefList(filter);
