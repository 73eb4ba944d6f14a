/** RPCs that the protos declare and this server does not serve yet; they answer UNIMPLEMENTED. */
export interface NotServed {
  user: 'addSecret' | 'removeSecret' | 'addKey' | 'removeKey' | 'listKeys';
}
