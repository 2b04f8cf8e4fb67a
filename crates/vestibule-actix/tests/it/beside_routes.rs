//! Beside a host's own routes, as the default of an `App` and of scopes.

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use vestibule_actix::VestibuleService;
use vestibule_http_tests::world::World;

fn run<T>(future: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(future)
}

#[test]
fn an_app_serves_its_own_pages_and_ours() {
    run(async {
        let app = App::new()
            .route("/ehr", web::get().to(|| async { "the host's own page" }))
            .default_service(VestibuleService::new(World::new().server));
        let app = init_service(app).await;
        let own = call_service(&app, TestRequest::get().uri("/ehr").to_request()).await;
        assert_eq!(to_bytes(own.into_body()).await.unwrap(), "the host's own page");
        for path in ["/.well-known/openid-configuration", "/r4/.well-known/smart-configuration", "/auth/keys"]
        {
            let ours = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            assert_eq!(ours.status(), StatusCode::OK, "{path}");
        }
        let page = call_service(&app, TestRequest::get().uri("/nowhere").to_request()).await;
        assert_eq!(page.status(), StatusCode::NOT_FOUND);
        assert!(page.headers().contains_key("content-security-policy"), "the engine's page");
    });
}

#[test]
fn a_scope_hands_on_the_whole_path() {
    run(async {
        let service = VestibuleService::new(World::new().server);
        let app = App::new()
            .service(web::scope("/auth").default_service(service.clone()))
            .service(web::scope("/.well-known").default_service(service))
            .default_service(web::to(|| async { "the host's own default" }));
        let app = init_service(app).await;
        let keys = call_service(&app, TestRequest::get().uri("/auth/keys").to_request()).await;
        assert_eq!(keys.status(), StatusCode::OK);
        let openid = TestRequest::get().uri("/.well-known/openid-configuration").to_request();
        assert_eq!(call_service(&app, openid).await.status(), StatusCode::OK);
        let own = call_service(&app, TestRequest::get().uri("/elsewhere").to_request()).await;
        assert_eq!(to_bytes(own.into_body()).await.unwrap(), "the host's own default");
    });
}

#[test]
fn a_smaller_bound_holds() {
    run(async {
        let service = VestibuleService::new(World::new().server).with_max_body(10);
        let app = init_service(App::new().default_service(service)).await;
        let of =
            |len: usize| TestRequest::post().uri("/auth/token").set_payload("x".repeat(len)).to_request();
        assert_eq!(call_service(&app, of(11)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(call_service(&app, of(10)).await.status(), StatusCode::BAD_REQUEST);
    });
}
