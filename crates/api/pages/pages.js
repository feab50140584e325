// The pages of founding, invitation and reset. Each form names its route in data-route; its fields are the body.
'use strict';

const texts = {
  fr: {
    'index.title': 'UnionFlow',
    'index.lead': 'Le fil vivant des associations, mutuelles et syndicats. Ce serveur fonctionne.',
    'index.docs': 'Lire et essayer l’API',
    'index.setup': 'Fonder la première organisation',
    'setup.title': 'Fonder l’organisation',
    'setup.code': 'Code de fondation',
    'setup.code.hint': 'Affiché une fois au démarrage du serveur.',
    'setup.name': 'Nom de l’organisation',
    'setup.currency': 'Monnaie',
    'setup.currency.hint': 'Ne change plus jamais.',
    'setup.opening': 'Ce qu’il y a aujourd’hui',
    'setup.opening.hint': 'En unités entières (francs, euros), sans centimes : 150 000. Laissez vide s’il n’y a rien. Les comptes commencent avec ces montants ; ensuite, seules des opérations les changent.',
    'setup.cash': 'Dans la caisse',
    'setup.bank': 'À la banque',
    'setup.mobileMoney': 'Sur mobile money',
    'setup.president': 'Présidence',
    'setup.treasurer': 'Trésorerie',
    'setup.treasurer.hint': 'Laissez vide si une seule personne commence : elle décide alors seule, et chaque rapport le signale.',
    'given': 'Prénom',
    'family': 'Nom',
    'login': 'Téléphone ou e-mail pour se connecter',
    'password': 'Mot de passe',
    'password.hint': 'Au moins 10 caractères, par exemple trois mots sans rapport.',
    'setup.send': 'Fonder',
    'setup.done': 'L’organisation est fondée. Connectez-vous dans l’application de votre association, avec le téléphone ou l’e-mail que vous venez de donner.',
    'activate.title': 'Accepter l’invitation',
    'activate.lead': 'Choisissez un mot de passe pour votre compte.',
    'code': 'Code reçu',
    'activate.login.hint': 'Laissez vide pour utiliser le téléphone de votre fiche de membre, ou votre e-mail si elle n’a pas de téléphone.',
    'activate.send': 'Créer mon compte',
    'activate.done': 'Votre compte est prêt. Connectez-vous dans l’application de votre association, avec le téléphone de votre fiche de membre, ou votre e-mail si elle n’a pas de téléphone.',
    'activate.done.login': 'Votre compte est prêt. Connectez-vous dans l’application de votre association. Votre identifiant :',
    'reset.title': 'Nouveau mot de passe',
    'reset.send': 'Changer le mot de passe',
    'reset.done': 'Le mot de passe est changé. Toutes les autres sessions sont fermées. Connectez-vous dans l’application de votre association.',
    'offline': 'Le serveur n’a pas répondu : on ne sait pas si c’est fait. Vérifiez le réseau, puis réessayez ; rien n’est fait deux fois.',
    'sending': 'Envoi…',
    'lang': 'English',
  },
  en: {
    'index.title': 'UnionFlow',
    'index.lead': 'The live backbone of associations, mutuals and unions. This server is running.',
    'index.docs': 'Read and try the API',
    'index.setup': 'Found the first organisation',
    'setup.title': 'Found the organisation',
    'setup.code': 'Founding code',
    'setup.code.hint': 'Shown once when the server starts.',
    'setup.name': 'Name of the organisation',
    'setup.currency': 'Currency',
    'setup.currency.hint': 'Never changes.',
    'setup.opening': 'What is there today',
    'setup.opening.hint': 'In whole units (francs, euros), without cents: 150 000. Leave empty where there is nothing. The accounts begin with these amounts; afterwards only transactions change them.',
    'setup.cash': 'In the cash box',
    'setup.bank': 'At the bank',
    'setup.mobileMoney': 'With mobile money',
    'setup.president': 'President',
    'setup.treasurer': 'Treasurer',
    'setup.treasurer.hint': 'Leave empty if one person begins alone: that person then decides alone, and every report says so.',
    'given': 'Given name',
    'family': 'Family name',
    'login': 'Phone or e-mail to sign in with',
    'password': 'Password',
    'password.hint': 'At least 10 characters, for example three unrelated words.',
    'setup.send': 'Found',
    'setup.done': 'The organisation is founded. Sign in within the application of your association, with the phone or e-mail that you have just given.',
    'activate.title': 'Accept the invitation',
    'activate.lead': 'Choose a password for your account.',
    'code': 'Code you received',
    'activate.login.hint': 'Leave empty to use the phone of your membership, or your e-mail if it has no phone.',
    'activate.send': 'Make my account',
    'activate.done': 'Your account is ready. Sign in within the application of your association, with the phone of your membership, or your e-mail if it has no phone.',
    'activate.done.login': 'Your account is ready. Sign in within the application of your association. Your login:',
    'reset.title': 'New password',
    'reset.send': 'Change the password',
    'reset.done': 'The password is changed. All other sessions are closed. Sign in within the application of your association.',
    'offline': 'The server did not answer: nobody knows whether it is done. Check the network, then try again; nothing is done twice.',
    'sending': 'Sending…',
    'lang': 'Français',
  },
};

let language = (navigator.languages || [navigator.language || 'fr'])
  .map((tag) => tag.slice(0, 2)).find((tag) => tag in texts) || 'fr';

function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-text]')) {
    element.textContent = texts[language][element.dataset.text] || '';
  }
  const title = document.querySelector('h1');
  if (title) document.title = title.textContent;
}

// An amount as people write it, `150 000`, in minor units; what is none stays a text, and the server says so.
function amountOf(form, text) {
  const digits = text.replace(/\s/g, '');
  const minorUnits = Number(form.elements.currency.selectedOptions[0].dataset.minorUnits || 1);
  return /^\d{1,13}$/.test(digits) ? Number(digits) * minorUnits : text;
}

// `president.givenName` becomes {"president": {"givenName": …}}; what is empty is left out.
function bodyOf(form) {
  const body = {};
  for (const input of form.elements) {
    if (!input.name || input.value.trim() === '') continue;
    const path = input.name.split('.');
    let at = body;
    for (const part of path.slice(0, -1)) at = at[part] ||= {};
    at[path.at(-1)] = 'amount' in input.dataset ? amountOf(form, input.value) : input.value;
  }
  return body;
}

function clear(form) {
  for (const input of form.elements) input.removeAttribute('aria-invalid');
  for (const place of form.querySelectorAll('.error')) place.textContent = '';
}

function show(form, problem) {
  clear(form);
  const general = form.querySelector('[data-error=""]');
  let focus = null;
  for (const error of problem.errors || []) {
    const name = error.pointer.replace(/^\//, '').replaceAll('/', '.');
    // What is wrong with a whole, such as a founder who is missing, is wrong with each of its fields.
    const inputs = [...form.elements].filter((input) => input.name && (input.name === name || input.name.startsWith(`${name}.`)));
    for (const input of inputs) {
      input.setAttribute('aria-invalid', 'true');
      form.querySelector(`[data-error="${CSS.escape(input.name)}"]`).textContent = error.detail;
      focus ||= input;
    }
    if (!inputs.length) general.textContent += `${error.detail} `;
  }
  if (!focus) general.textContent ||= [problem.title, problem.detail].filter(Boolean).join(' ');
  (focus || general).focus();
}

// What the button says while it waits, and then again.
function label(button, key) {
  button.dataset.text = key;
  button.textContent = texts[language][key];
}

function finish(form) {
  const done = document.querySelector('#done');
  const login = document.querySelector('#login');
  if (login && form.elements.login?.value.trim()) {
    label(done, 'activate.done.login');
    login.textContent = form.elements.login.value.trim();
    login.hidden = false;
  }
  form.hidden = true;
  done.hidden = false;
  done.focus();
  history.replaceState(null, '', location.pathname);
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector('button[type="submit"]');
  const wording = button.dataset.text;
  clear(form);
  button.disabled = true;
  label(button, 'sending');
  try {
    const answer = await fetch(form.dataset.route, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept-language': language },
      body: JSON.stringify(bodyOf(form)),
      signal: AbortSignal.timeout(20000),
    });
    if (answer.ok) finish(form);
    else show(form, await answer.json());
  } catch {
    show(form, { title: texts[language].offline });
  } finally {
    button.disabled = false;
    label(button, wording);
  }
}

// The code of a link stands behind the #, which browsers do not send to any server.
function codeOfLink() {
  const code = location.hash.slice(1);
  try {
    return decodeURIComponent(code);
  } catch {
    return code; // mangled on its way: the server says that it is not valid
  }
}

translate();
document.querySelector('#language')?.addEventListener('click', () => {
  language = language === 'fr' ? 'en' : 'fr';
  translate();
  // The server said them in the other language.
  for (const form of document.forms) clear(form);
});
for (const form of document.forms) {
  form.addEventListener('submit', send);
  const code = form.elements.code;
  if (code && location.hash.length > 1) code.value = codeOfLink();
}
