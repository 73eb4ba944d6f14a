import type { Texts } from './texts.ts';

const ignore = 'Falls Sie das nicht angefordert haben, müssen Sie nichts tun: Ohne den Code ändert sich nichts.';

export const de: Texts = {
  language: 'de',
  greeting: 'Guten Tag {displayName},',
  greetingWithoutName: 'Guten Tag,',
  code: 'Ihr Code lautet {code}.',
  validity: 'Er gilt einmal und ist {validity} gültig.',
  linkBelow: 'Falls die Schaltfläche nicht geht, öffnen Sie diesen Link:',
  kinds: {
    'verify-email': {
      subject: '{product}: Bestätigen Sie Ihre E-Mail-Adresse',
      about: ['Bitte bestätigen Sie, dass diese E-Mail-Adresse zu Ihrem Konto bei {organization} gehört.'],
      button: 'E-Mail-Adresse bestätigen',
      notAsked: ignore,
      sms: '{product}: Ihr Code lautet {code}. Er bestätigt Ihre E-Mail-Adresse und ist {validity} gültig.',
    },
    'verify-phone': {
      subject: '{product}: Bestätigen Sie Ihre Telefonnummer',
      about: ['Bitte bestätigen Sie, dass diese Telefonnummer zu Ihrem Konto bei {organization} gehört.'],
      button: undefined,
      notAsked: ignore,
      sms: '{product}: Ihr Code lautet {code}. Er bestätigt Ihre Telefonnummer und ist {validity} gültig.',
    },
    'reset-password': {
      subject: '{product}: Setzen Sie Ihr Passwort zurück',
      about: ['Für Ihr Konto bei {organization} wurde ein neues Passwort angefordert. Sie können jetzt eines wählen.'],
      button: 'Neues Passwort wählen',
      notAsked:
        'Falls Sie das nicht angefordert haben, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist. Geben Sie den Code niemandem.',
      sms: '{product}: Ihr Code lautet {code}. Er setzt Ihr Passwort zurück und ist {validity} gültig.',
    },
    'password-changed': {
      subject: '{product}: Ihr Passwort wurde geändert',
      about: ['Das Passwort Ihres Kontos bei {organization} wurde geändert.'],
      button: undefined,
      notAsked:
        'Falls Sie das nicht waren, setzen Sie Ihr Passwort sofort zurück und sagen Sie es denen, die {product} betreiben.',
      sms: '{product}: Ihr Passwort wurde geändert. Falls Sie das nicht waren, setzen Sie es sofort zurück.',
    },
    invite: {
      subject: '{product}: Sie sind eingeladen',
      about: [
        '{organization} lädt Sie zu {application} ein.',
        'Nehmen Sie die Einladung an, um Ihre E-Mail-Adresse zu bestätigen und ein Passwort zu wählen.',
      ],
      button: 'Einladung annehmen',
      notAsked: 'Falls Sie keine Einladung erwarten, müssen Sie nichts tun: Ohne den Code ändert sich nichts.',
      sms: '{product}: Sie sind zu {application} eingeladen. Ihr Code lautet {code}. Er ist {validity} gültig.',
    },
    initialise: {
      subject: '{product}: Richten Sie Ihr Konto ein',
      about: [
        'Bei {organization} wurde ein Konto für Sie angelegt.',
        'Richten Sie es ein, um Ihre E-Mail-Adresse zu bestätigen; haben Sie noch kein Passwort, wählen Sie dabei eines.',
      ],
      button: 'Konto einrichten',
      notAsked: 'Falls Sie kein Konto erwarten, müssen Sie nichts tun: Ohne den Code ändert sich nichts.',
      sms: '{product}: Für Sie wurde ein Konto angelegt. Ihr Code lautet {code}. Er ist {validity} gültig.',
    },
    'passkey-link': {
      subject: '{product}: Richten Sie einen Passkey ein',
      about: [
        'Sie können für Ihr Konto bei {organization} einen Passkey einrichten, auf dem Gerät, mit dem Sie sich anmelden möchten.',
      ],
      button: 'Passkey einrichten',
      notAsked:
        'Falls Sie das nicht angefordert haben, müssen Sie nichts tun, aber sagen Sie es denen, die {product} betreiben. Geben Sie den Link niemandem.',
      sms: '{product}: Ihr Code lautet {code}. Er richtet einen Passkey ein und ist {validity} gültig.',
    },
    otp: {
      subject: '{product}: Ihr Code zum Anmelden',
      about: ['Melden Sie sich mit diesem Code bei Ihrem Konto bei {organization} an.'],
      button: 'Anmelden',
      notAsked:
        'Falls Sie sich gerade nicht anmelden, kennt vielleicht jemand Ihr Passwort: Ändern Sie es. Geben Sie den Code niemandem.',
      sms: '{product}: Ihr Code lautet {code}. Er meldet Sie an und ist {validity} gültig. Geben Sie ihn niemandem.',
    },
  },
};
