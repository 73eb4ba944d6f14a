/** RPCs that the protos declare and this server does not serve yet; they answer UNIMPLEMENTED. */
export interface NotServed {
  user: 'addSecret' | 'removeSecret' | 'addKey' | 'removeKey' | 'listKeys';
  management:
    | 'importHumanUser'
    | 'addHumanUser'
    | 'getHumanProfile'
    | 'updateHumanProfile'
    | 'getHumanEmail'
    | 'updateHumanEmail'
    | 'resendHumanInitialization'
    | 'resendHumanEmailVerification'
    | 'getHumanPhone'
    | 'removeHumanPhone'
    | 'updateHumanPhone'
    | 'resendHumanPhoneVerification'
    | 'setHumanInitialPassword'
    | 'setHumanPassword'
    | 'sendHumanResetPasswordNotification'
    | 'listHumanAuthFactors'
    | 'removeHumanAuthFactorOTP'
    | 'removeHumanAuthFactorU2F'
    | 'removeHumanAuthFactorOTPSMS'
    | 'removeHumanAuthFactorOTPEmail'
    | 'listHumanPasswordless'
    | 'addPasswordlessRegistration'
    | 'sendPasswordlessRegistration'
    | 'removeHumanPasswordless'
    | 'addMachineUser';
}
