/** What RFC 6749, 5.2 calls what went wrong. */
export type OauthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_token'
  | 'unsupported_grant_type'
  | 'unsupported_response_type';

/** A request that is refused. The same words for whatever is wrong with a client: nobody learns which ones there are. */
export class OauthRefusal extends Error {
  override name = 'OauthRefusal';
  readonly error: OauthError;

  constructor(error: OauthError, description: string) {
    super(description);
    this.error = error;
  }
}
