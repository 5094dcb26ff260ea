//! The kiosk, whose users change: nobody inherits anything. A certified OpenID provider, and a real browser for the
//! terminal and for each phone.

mod attacks;
mod inherit;
mod own_browser;
mod panels;
mod phone;
mod terminal;
