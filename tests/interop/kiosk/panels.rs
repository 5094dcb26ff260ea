//! The terminal's pages on the panels that kiosks have.

use std::{thread, time::Duration};

use keyfob_interop::browser::Browser;

use crate::{
    inherit::screen,
    terminal::{PAGES, Terminal, press, shows},
};

const PANELS: [(u32, u32); 4] = [(480, 320), (1280, 800), (360, 640), (800, 1280)];

/// The height and the width of what is shown, and the shortest side of all that can be pressed.
const MEASURES: &str = "
    const page = document.documentElement;
    const sides = [...document.querySelectorAll('button, .button')].map(one => one.getBoundingClientRect())
        .filter(box => box.width > 0).map(box => Math.min(box.width, box.height));
    return [page.scrollHeight - innerHeight, page.scrollWidth - innerWidth, Math.min(...sides)];
";

/// Nothing has to be scrolled, and all buttons are large enough for fingers (WCAG 2.2 §2.5.5).
#[track_caller]
fn fits(browser: &Browser, what: &str) {
    for (width, height) in PANELS {
        browser.set_window(width, height);
        let measures = browser.run(MEASURES);
        let [down, right, side] = [0, 1, 2].map(|place| measures[place].as_f64().expect("a number"));
        assert!(down <= 0.0 && right <= 0.0, "{what} at {width}×{height}: {measures}");
        assert!(side >= 44.0 + 4.0, "{what} at {width}×{height}: {measures}");
    }
}

#[test]
fn the_pages_fit_every_panel_in_every_language() {
    let terminal = Terminal::demo(&["--name", "City Library"]);
    let kiosk = screen();
    kiosk.open(&terminal.page);
    shows(&kiosk, "sign-in");
    fits(&kiosk, "welcome");
    press(&kiosk, "sign-in");
    for tag in ["en", "de", "fr", "es"] {
        shows(&kiosk, "screen");
        press(&kiosk, tag);
        kiosk.wait_for(|kiosk| kiosk.has(&format!("html[lang={tag}] button[value=screen]")), PAGES);
        thread::sleep(Duration::from_millis(200));
        fits(&kiosk, tag);
    }
}
