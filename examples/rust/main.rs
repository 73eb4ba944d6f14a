//! Creates a person, verifies the address, finds, locks and deletes the person: with the crate `zitadel`, as it is.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, process};

use tonic::codegen::InterceptedService;
use tonic::service::Interceptor;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use zitadel::api::clients::ClientBuilder;
use zitadel::api::zitadel::user::v2::user_service_client::UserServiceClient;
use zitadel::api::zitadel::user::v2::{
    AddHumanUserRequest, DeleteUserRequest, EmailQuery, GetUserByIdRequest, ListUsersRequest, LockUserRequest,
    ReturnEmailVerificationCode, SearchQuery, SetHumanEmail, SetHumanProfile, VerifyEmailRequest, search_query::Query,
    set_human_email::Verification,
};
use zitadel::credentials::ServiceAccount;

#[tokio::main]
async fn main() {
    if let Err(error) = sign_in().await {
        match error.downcast_ref::<Status>() {
            Some(status) => eprintln!("{:?}: {}", status.code(), status.message()),
            None => eprintln!("{error}"),
        }
        process::exit(1);
    }
}

/// By a key or by a token, whichever is given.
async fn sign_in() -> Result<(), Box<dyn Error>> {
    let url = env::var("ROSTER_URL").unwrap_or("http://localhost:8080".into());
    let builder = ClientBuilder::new(&url);
    if let Ok(file) = env::var("ROSTER_KEY_FILE") {
        // Signs for an access token before the first call, and for another one before that expires.
        let account = ServiceAccount::load_from_file(&file)?;
        let signed_in = builder.with_service_account(&account, None);
        return run(signed_in.build_user_client().await?).await;
    }
    let token = env::var("ROSTER_TOKEN").unwrap_or_default();
    let signed_in = builder.with_access_token(&token);
    run(signed_in.build_user_client().await?).await
}

type Users<I> = UserServiceClient<InterceptedService<Channel, I>>;

async fn run<I: Interceptor>(mut users: Users<I>) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let email = format!("ada-{now:x}@example.com");
    let person = AddHumanUserRequest {
        profile: Some(SetHumanProfile {
            given_name: "Ada".into(),
            family_name: "Lovelace".into(),
            ..Default::default()
        }),
        email: Some(SetHumanEmail {
            email: email.clone(),
            // The code comes back in the answer, for a mail of your own; with SendCode, Roster sends it.
            verification: Some(Verification::ReturnCode(ReturnEmailVerificationCode {})),
        }),
        ..Default::default()
    };
    let created = users.add_human_user(person).await?.into_inner();
    let user_id = created.user_id;
    println!("created  {user_id}");

    let verification_code = created.email_code.unwrap_or_default();
    users.verify_email(VerifyEmailRequest { user_id: user_id.clone(), verification_code }).await?;
    println!("verified {email}");

    let by_email = Query::EmailQuery(EmailQuery { email_address: email, ..Default::default() });
    let queries = vec![SearchQuery { query: Some(by_email) }];
    let search = ListUsersRequest { queries, ..Default::default() };
    let found = users.list_users(search).await?.into_inner().result;
    let person = found.first().ok_or("nobody was found")?;
    println!("found    {}", person.preferred_login_name);

    // From now on the person's sessions and tokens are worth nothing.
    users.lock_user(LockUserRequest { user_id: user_id.clone() }).await?;
    println!("locked   {user_id}");

    users.delete_user(DeleteUserRequest { user_id: user_id.clone() }).await?;
    println!("deleted  {user_id}");

    match users.get_user_by_id(GetUserByIdRequest { user_id }).await {
        Err(status) if status.code() == Code::NotFound => {
            println!("refused  {}", reason_of(&status))
        }
        Err(status) => return Err(status.into()),
        Ok(_) => return Err("the user is still there".into()),
    }
    Ok(())
}

/// What went wrong, for programs: the reason in the ErrorInfo, one of docs/errors.md. Messages may change, reasons do not.
fn reason_of(status: &Status) -> String {
    match status.get_details_error_info() {
        Some(info) => info.reason,
        None => format!("{:?}", status.code()),
    }
}
