//! From the code on the screen to the tokens.

use embassy_futures::join::join;
use keyfob_embassy::portal::Press;
use keyfob_tests::{
    form,
    lan::{Phone, field, header, heading, status},
    server::SUBJECT,
};

use crate::device::{BACK, Home, LAN, PASTE, PASTED};

/// The path and query of an address.
pub fn target(url: &str) -> &str {
    url.strip_prefix("http://10.0.0.1").expect("it leads to the device")
}

/// A phone signs in, and gives the last page.
pub async fn by_redirect(home: &Home, phone: &mut Phone) -> String {
    let code = home.panel.code().await;
    let start = phone.start(&code).await;
    assert_eq!(status(&start), 303, "{start}");
    let back = home.authorize(header(&start, "Location").expect("to the server"));
    let taken = phone.get(target(&back)).await;
    assert_eq!((status(&taken), header(&taken, "Location")), (303, Some("/callback/done")), "{taken}");
    phone.last_page("/callback/done").await.0
}

// REQ: PORTAL-03, PORTAL-09, PORTAL-19
#[test]
fn by_a_redirect_in_the_network() {
    let home = Home::new();
    let mut phone = home.phone(20);
    let mut late = home.phone(21);
    let ((end, _), page) = home.run(join(home.sign_in(&LAN, BACK, false), async {
        let page = by_redirect(&home, &mut phone).await;
        // The port is closed.
        embassy_time::Timer::after_secs(3).await;
        assert_eq!(late.say(late.getting("/").as_bytes()).await, None);
        assert_eq!(late.refused, 1);
        page
    }));
    assert_eq!(end.expect("signed in").subject.as_deref(), Some(SUBJECT));
    assert_eq!((status(&page), heading(&page)), (200, "You are signed in."), "{page}");
    assert_eq!(home.panel.shown(), ["pair at http://10.0.0.1/", "connected", "over"]);
}

// REQ: PORTAL-03, PORTAL-29
#[test]
fn by_paste() {
    let home = Home::new();
    let mut phone = home.phone(20);
    let ((end, _), page) = home.run(join(home.sign_in(&PASTE, PASTED, false), async {
        let code = home.panel.code().await;
        let start = phone.start(&code).await;
        assert_eq!((status(&start), header(&start, "Location")), (303, Some("/paste")));
        let paste = phone.get("/paste").await;
        let page = field(&paste, "page").expect("a form").to_owned();
        let go = phone.post("/go", &format!("page={page}")).await;
        let back = home.authorize(header(&go, "Location").expect("to the server"));
        let wrong = form::encode("http://127.0.0.1/callback?code=code&state=other");
        let wrong = phone.post("/paste", &format!("page={page}&address={wrong}")).await;
        assert_eq!(status(&wrong), 400, "{wrong}");
        let taken = phone.post("/paste", &format!("page={page}&address={}", form::encode(&back))).await;
        assert_eq!((status(&taken), header(&taken, "Location")), (303, Some("/done")), "{taken}");
        phone.last_page("/done").await.0
    }));
    assert_eq!(end.expect("signed in").subject.as_deref(), Some(SUBJECT));
    assert_eq!(heading(&page), "You are signed in.", "{page}");
}

// REQ: PORTAL-10
#[test]
fn the_user_confirms_on_the_device() {
    for (press, accepted, last) in [
        (Press::Confirm, true, "You are signed in."),
        (Press::Cancel, false, "You are not signed in: it was not allowed."),
    ] {
        let home = Home::new();
        let mut phone = home.phone(20);
        let ((end, settled), page) = home.run(join(home.sign_in(&LAN, BACK, true), async {
            let code = home.panel.code().await;
            let start = phone.start(&code).await;
            let back = home.authorize(header(&start, "Location").expect("to the server"));
            phone.get(target(&back)).await;
            let waits = phone.get("/callback/done").await;
            assert_eq!((header(&waits, "Refresh"), heading(&waits)), (Some("3"), "Look at the device."));
            home.panel.press.set(Some(press));
            phone.last_page("/callback/done").await.0
        }));
        assert!(end.is_ok());
        assert_eq!(settled, Some(Ok(accepted)));
        assert_eq!(heading(&page), last, "{page}");
        assert!(home.panel.shown().contains(&format!("confirm {SUBJECT}")));
    }
}
