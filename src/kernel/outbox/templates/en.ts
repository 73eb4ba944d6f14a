import type { Texts } from './texts.ts';

const ignore = 'If you did not ask for this, you need not do anything: without the code nothing changes.';

export const en: Texts = {
  language: 'en',
  greeting: 'Hello {displayName},',
  greetingWithoutName: 'Hello,',
  code: 'Your code is {code}.',
  validity: 'It works once and is valid for {validity}.',
  linkBelow: 'If the button does not work, open this link:',
  kinds: {
    'verify-email': {
      subject: '{product}: Verify your e-mail address',
      about: ['Please confirm that this e-mail address belongs to your account at {organization}.'],
      button: 'Verify e-mail address',
      notAsked: ignore,
      sms: '{product}: Your code is {code}. It verifies your e-mail address and is valid for {validity}.',
    },
    'verify-phone': {
      subject: '{product}: Verify your phone number',
      about: ['Please confirm that this phone number belongs to your account at {organization}.'],
      button: undefined,
      notAsked: ignore,
      sms: '{product}: Your code is {code}. It verifies your phone number and is valid for {validity}.',
    },
    'reset-password': {
      subject: '{product}: Reset your password',
      about: ['A new password was asked for on your account at {organization}. You can choose one now.'],
      button: 'Choose a new password',
      notAsked: 'If you did not ask for this, you need not do anything: your password stays as it is. Give the code to nobody.',
      sms: '{product}: Your code is {code}. It resets your password and is valid for {validity}.',
    },
    'password-changed': {
      subject: '{product}: Your password was changed',
      about: ['The password of your account at {organization} was changed.'],
      button: undefined,
      notAsked: 'If this was not you, reset your password at once and tell those who run {product}.',
      sms: '{product}: Your password was changed. If this was not you, reset it at once.',
    },
    invite: {
      subject: '{product}: You are invited',
      about: [
        '{organization} invites you to {application}.',
        'Accept the invitation to confirm your e-mail address and to choose a password.',
      ],
      button: 'Accept the invitation',
      notAsked: 'If you do not expect an invitation, you need not do anything: without the code nothing changes.',
      sms: '{product}: You are invited to {application}. Your code is {code}. It is valid for {validity}.',
    },
    initialise: {
      subject: '{product}: Set up your account',
      about: [
        'An account was created for you at {organization}.',
        'Set it up to confirm your e-mail address; if you have no password yet, you choose one along with it.',
      ],
      button: 'Set up the account',
      notAsked: 'If you do not expect an account, you need not do anything: without the code nothing changes.',
      sms: '{product}: An account was created for you. Your code is {code}. It is valid for {validity}.',
    },
    'passkey-link': {
      subject: '{product}: Register a passkey',
      about: ['You can register a passkey for your account at {organization}, on the device that you want to sign in with.'],
      button: 'Register a passkey',
      notAsked:
        'If you did not ask for this, you need not do anything, but tell those who run {product}. Give the link to nobody.',
      sms: '{product}: Your code is {code}. It registers a passkey and is valid for {validity}.',
    },
    otp: {
      subject: '{product}: Your code to sign in',
      about: ['Use this code to sign in to your account at {organization}.'],
      button: 'Sign in',
      notAsked: 'If you are not signing in, somebody may know your password: change it. Give the code to nobody.',
      sms: '{product}: Your code is {code}. It signs you in and is valid for {validity}. Give it to nobody.',
    },
  },
};
