import type { PageTexts } from './texts.ts';

export const de: PageTexts = {
  language: 'de',
  pages: {
    email: {
      title: 'E-Mail-Adresse bestätigen',
      about: 'Bestätigen Sie, dass diese E-Mail-Adresse Ihnen gehört.',
      button: 'E-Mail-Adresse bestätigen',
      doneTitle: 'Ihre E-Mail-Adresse ist bestätigt',
      done: 'Sie können diese Seite schließen.',
    },
    password: {
      title: 'Neues Passwort wählen',
      about: 'Ab jetzt melden Sie sich damit an.',
      button: 'Passwort speichern',
      doneTitle: 'Ihr Passwort ist geändert',
      done: 'Melden Sie sich mit dem neuen an. Sie können diese Seite schließen.',
    },
    invite: {
      title: 'Einladung annehmen',
      about: 'Wählen Sie ein Passwort für Ihr Konto. Ihre E-Mail-Adresse wird dabei bestätigt.',
      button: 'Einladung annehmen',
      doneTitle: 'Ihr Konto ist bereit',
      done: 'Ihre E-Mail-Adresse ist bestätigt und Ihr Passwort gesetzt: Sie können sich anmelden. Sie können diese Seite schließen.',
    },
    init: {
      title: 'Konto einrichten',
      about:
        'Bestätigen Sie, dass diese E-Mail-Adresse Ihnen gehört. Werden Sie nach einem Passwort gefragt, melden Sie sich ab jetzt damit an.',
      button: 'Konto einrichten',
      doneTitle: 'Ihr Konto ist eingerichtet',
      done: 'Ihre E-Mail-Adresse ist bestätigt: Sie können sich anmelden. Sie können diese Seite schließen.',
    },
  },
  passkey: {
    title: 'Passkey erstellen',
    about:
      'Mit einem Passkey melden Sie sich an, wie Sie dieses Gerät entsperren, oder mit einem Sicherheitsschlüssel, ohne Passwort.',
    unsupported: 'Für einen Passkey braucht diese Seite Skripte und einen Browser, der Passkeys kennt.',
    name: 'Name des Passkeys',
    names: { plain: 'Passkey', onDevice: 'Passkey auf {device}' },
    nameWrong: 'Geben Sie dem Passkey einen Namen mit höchstens 200 Zeichen.',
    button: 'Passkey erstellen',
    waiting: 'Folgen Sie dem, was Ihr Browser sagt.',
    known: 'Dieses Gerät hat schon einen Passkey für Ihr Konto. Sie brauchen hier keinen weiteren.',
    cancelled:
      'Es wurde kein Passkey erstellt: Es wurde abgebrochen, oder es dauerte zu lang. Sie können es in den nächsten 5 Minuten noch einmal versuchen.',
    unfit:
      'So kann kein Passkey erstellt werden. In den nächsten 5 Minuten können Sie es auf dieser Seite mit einem anderen Gerät oder Sicherheitsschlüssel versuchen; für einen anderen Browser fordern Sie eine neue Nachricht an.',
    doneTitle: 'Ihr Passkey ist bereit',
    done: 'Ab jetzt können Sie sich damit anmelden. Sie können diese Seite schließen.',
    instead: 'Stattdessen eine Authenticator-App verwenden',
  },
  totp: {
    title: 'Authenticator-App einrichten',
    about:
      'Scannen Sie den Code mit Ihrer Authenticator-App, oder tippen Sie den Schlüssel dort ein. Geben Sie dann die 6 Ziffern ein, die die App zeigt.',
    qr: 'QR-Code für eine Authenticator-App; der Schlüssel darunter sagt dasselbe',
    secret: 'Schlüssel:',
    digits: '6 Ziffern aus der App',
    button: 'Fertigstellen',
    again: 'Geben Sie die 6 Ziffern ein, die die App jetzt zeigt.',
    anew: 'Mit einem neuen Schlüssel neu beginnen',
    start: 'Authenticator-App einrichten',
    incomplete: 'Geben Sie die 6 Ziffern ein, die die App zeigt.',
    wrong:
      'Das sind nicht die richtigen Ziffern. Geben Sie die ein, die die App jetzt zeigt, und achten Sie darauf, dass die Uhr Ihres Geräts richtig geht.',
    doneTitle: 'Ihre Authenticator-App ist bereit',
    done: 'Wenn Sie sich anmelden, werden Sie nach den Ziffern gefragt, die sie zeigt. Sie können diese Seite schließen.',
  },
  registrationLink: {
    link: 'Dieser Link geht nicht: Er ist falsch, wurde schon gebraucht, oder seine Zeit ist um. Fordern Sie eine neue Nachricht an.',
    away: 'Der Dienst kann gerade nicht antworten. Versuchen Sie es in einer Minute wieder.',
  },
  fields: { code: 'Code aus der Nachricht', password: 'Neues Passwort', repeat: 'Neues Passwort, noch einmal' },
  problem: 'Es gibt ein Problem',
  link: 'Dieser Code geht nicht: Er ist falsch, wurde schon gebraucht, oder seine Zeit ist um. Fordern Sie eine neue Nachricht an.',
  incomplete: 'Dieser Link ist nicht vollständig. Öffnen Sie ihn so, wie er in der Nachricht steht.',
  notRead: {
    title: 'Diese Anmeldung hat nicht geklappt',
    about: 'Was von dort mitgeschickt wurde, ist nicht lesbar oder zu viel. Sagen Sie es denen, die Sie dorthin geschickt haben.',
  },
  noJourney: {
    title: 'Diese Anmeldung ist vorbei',
    about:
      'Sie hat zu lange gedauert oder wurde schon abgeschlossen. Gehen Sie dahin zurück, wo Sie sich anmelden wollten, und beginnen Sie neu.',
  },
  noPage: {
    title: 'Diese Seite gibt es nicht',
    about: 'Falls ein Link in einer Nachricht Sie hierher führte, sagen Sie es denen, die sie schickten.',
  },
  repeatDiffers: 'Die beiden Passwörter sind nicht gleich.',
  passwordTooLong: 'Das Passwort darf höchstens {maximum} Zeichen haben.',
  stale: 'Diese Seite war zu lange offen, oder Ihr Browser behält keine Cookies. Bitte versuchen Sie es noch einmal.',
  tooManyTries: 'Es gab zu viele falsche Versuche. Versuchen Sie es wieder in {wait}.',
  busy: 'Gerade wählen zu viele Leute ein Passwort. Versuchen Sie es wieder in {wait}; Ihr Code geht noch.',
  away: 'Der Dienst kann gerade nicht antworten. Versuchen Sie es in einer Minute wieder; Ihr Code geht noch.',
  fault: 'Etwas ging schief, das nicht sollte. Sagen Sie es denen, die diesen Dienst betreiben: {request}.',
  refusals: {
    PASSWORD_EMPTY: 'Geben Sie ein Passwort ein.',
    PASSWORD_TOO_SHORT: 'Das Passwort ist zu kurz: Es braucht mindestens {minimum} {unit}.',
    PASSWORD_NEEDS_LOWER: 'Das Passwort braucht einen Kleinbuchstaben von a bis z.',
    PASSWORD_NEEDS_UPPER: 'Das Passwort braucht einen Großbuchstaben von A bis Z.',
    PASSWORD_NEEDS_DIGIT: 'Das Passwort braucht eine Ziffer von 0 bis 9.',
    PASSWORD_NEEDS_SYMBOL: 'Das Passwort braucht ein Zeichen, das weder ein Buchstabe von A bis Z noch eine Ziffer ist.',
    PASSWORD_COMMON: 'Dieses Passwort gehört zu denen, die zuerst erraten werden. Wählen Sie ein anderes.',
    PASSWORD_HAS_OWN_NAME: 'Das Passwort enthält Ihren Namen, Benutzernamen oder Ihre E-Mail-Adresse. Wählen Sie ein anderes.',
    PASSWORD_UNCHANGED: 'Dieses Passwort haben Sie schon. Wählen Sie ein anderes.',
    INVITE_NOT_NEEDED: 'Sie haben schon ein Passwort und brauchen keine Einladung. Melden Sie sich damit an.',
    RELYING_PARTY_INVALID: 'Dieser Dienst ist nicht für Passkeys eingerichtet. Sagen Sie es denen, die ihn betreiben.',
    TOTP_EXISTS: 'Sie haben schon eine Authenticator-App. Sie muss entfernt werden, bevor Sie eine andere einrichten können.',
    TOTP_READY: 'Ihre Authenticator-App ist schon bereit. Sie können diese Seite schließen.',
    TOTP_NOT_FOUND: 'Der Schlüssel Ihrer App gilt nicht mehr. Öffnen Sie den Link in der Nachricht und beginnen Sie neu.',
  },
  units: { bytes: 'Zeichen', characters: 'Zeichen' },
};
