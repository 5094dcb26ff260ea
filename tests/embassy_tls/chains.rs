//! Which certificates pass.

use std::{cell::RefCell, rc::Rc};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType,
};

use crate::{
    attacks::network,
    certificates::{Authority, Identity, Kind},
    honest::{Honest, RESPONSE},
    hostile::{act, nothing},
    network::{Device, End, Network, Outcome, REQUEST},
};

use keyfob_embassy::tls::TlsError;

/// Fetches from a server of this identity, which must hear the whole request or nothing.
fn fetch(device: &Device, identity: &Identity) -> Result<(), TlsError> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let network = Network::new({
        let (identity, heard) = (identity.clone(), heard.clone());
        move || Honest::new(&identity, &heard)
    });
    let Outcome { read, end } = device.fetch(&network);
    match end {
        Ok(()) => {
            assert_eq!((&heard.borrow()[..], &read[..]), (REQUEST, RESPONSE));
            Ok(())
        }
        Err(End::Refused(error)) => {
            assert_eq!((&heard.borrow()[..], &read[..]), (&b""[..], &b""[..]), "nothing was sent");
            Err(error)
        }
        other => panic!("{other:?}"),
    }
}

fn root() -> Authority {
    Authority::new("root", Kind::P256)
}

/// A change to a certificate.
fn change(identity: fn(&mut CertificateParams)) -> Result<(), TlsError> {
    let root = root();
    fetch(&Device::new(&[root.der()]), &root.issue(&["op.example"], Kind::P256, identity))
}

// REQ: DRV-05
#[test]
fn every_kind_of_key() {
    use Kind::{P256, P384, Rsa2048, Rsa3072, Rsa4096, Rsa4096Sha384, Rsa4096Sha512};
    for (root, intermediate, leaf) in [
        (P256, None, P256),
        (P384, None, P384),
        (P256, Some(P256), P384),
        (Rsa2048, None, Rsa2048),
        (Rsa3072, None, Rsa3072),
        (Rsa4096, None, Rsa4096),
        (Rsa4096Sha384, None, P256),
        (Rsa4096Sha512, Some(Rsa2048), Rsa3072),
        (P256, None, Rsa2048),
        // As Let's Encrypt has it.
        (Rsa4096, Some(P384), P256),
    ] {
        let top = Authority::new("root", root);
        let device = Device::new(&[top.der()]);
        let identity = match intermediate {
            Some(kind) => {
                let below = top.intermediate("intermediate", kind, |_| {});
                below.issue(&["op.example"], leaf, |_| {}).behind(&below)
            }
            None => top.issue(&["op.example"], leaf, |_| {}),
        };
        assert_eq!(fetch(&device, &identity), Ok(()), "{root:?} {intermediate:?} {leaf:?}");
    }
}

#[test]
fn keys_that_are_not_built_in() {
    for (root, leaf) in [(Kind::Ed25519, Kind::P256), (Kind::P256, Kind::Ed25519)] {
        let root = Authority::new("root", root);
        let identity = root.issue(&["op.example"], leaf, |_| {});
        assert_eq!(fetch(&Device::new(&[root.der()]), &identity), Err(TlsError::UnsupportedAlgorithm));
    }
}

// REQ: HTTP-05, DRV-10
#[test]
fn the_name_must_be_the_hosts() {
    let root = root();
    let at = |host, names: &[&str]| {
        fetch(&Device::new(&[root.der()]).host(host), &root.issue(names, Kind::P256, |_| {}))
    };
    assert_eq!(at("op.example", &["op.example"]), Ok(()));
    assert_eq!(at("OP.Example", &["op.example"]), Ok(()));
    assert_eq!(at("op.example.", &["op.example"]), Ok(()));
    let many = ["a.example", "b.example", "c.example", "d.example", "op.example", "e.example"];
    assert_eq!(at("op.example", &many), Ok(()), "the fifth");
    let fifty: Vec<_> = (0..50).map(|place| format!("host-{place}.example")).collect();
    let fifty: Vec<_> = fifty.iter().map(String::as_str).chain(["op.example"]).collect();
    assert_eq!(at("op.example", &fifty), Ok(()));
    assert_eq!(at("a.op.example", &["*.op.example"]), Ok(()));
    assert_eq!(at("192.0.2.7", &["op.example", "192.0.2.7"]), Ok(()));
    assert_eq!(at("2001:db8::7", &["2001:db8::7"]), Ok(()));
    for (host, names) in [
        ("op.example", &["elsewhere.example"][..]),
        ("op.example", &["op.example.evil"]),
        ("op.example", &["xop.example"]),
        ("op.example", &["example"]),
        ("op.example", &["*.op.example"]),
        ("a.b.op.example", &["*.op.example"]),
        ("op.example", &["*.example"]),
        ("op.example", &["*"]),
        ("a.op.example", &["op.example"]),
        ("a.op.example", &["*.example"]),
        ("op.example", &["192.0.2.7"]),
        ("192.0.2.7", &["192.0.2.8"]),
        ("192.0.2.7", &["op.example"]),
        ("2001:db8::7", &["2001:db8::8"]),
        ("op.example", &[]),
    ] {
        assert_eq!(at(host, names), Err(TlsError::NameMismatch), "{host} {names:?}");
    }
    assert_eq!(at("not a name", &["op.example"]), Err(TlsError::InvalidName));
    assert_eq!(at("", &["op.example"]), Err(TlsError::InvalidName));
}

/// RFC 9525 §2: what was once in the subject counts for nothing.
#[test]
fn a_common_name_is_no_name() {
    let common_name = |params: &mut CertificateParams| {
        params.distinguished_name.push(DnType::CommonName, "op.example");
    };
    assert_eq!(change(common_name), Ok(()));
    let root = root();
    for names in [&["elsewhere.example"][..], &[]] {
        let identity = root.issue(names, Kind::P256, common_name);
        assert_eq!(fetch(&Device::new(&[root.der()]), &identity), Err(TlsError::NameMismatch));
    }
}

/// An address as text is not the address.
#[test]
fn an_address_in_a_dns_name_is_no_address() {
    let root = root();
    let identity = root.issue(&[], Kind::P256, |params| {
        params.subject_alt_names = vec![SanType::DnsName("192.0.2.7".try_into().unwrap())];
    });
    let device = Device::new(&[root.der()]).host("192.0.2.7");
    assert_eq!(fetch(&device, &identity), Err(TlsError::NameMismatch));
}

// REQ: HTTP-05, DRV-10
#[test]
fn only_trusted_issuers() {
    let (root, other) = (root(), Authority::new("other", Kind::P256));
    let identity = root.issue(&["op.example"], Kind::P256, |_| {});
    let with = |anchors: &[Vec<u8>]| fetch(&Device::new(anchors), &identity);
    assert_eq!(with(&[root.der()]), Ok(()));
    assert_eq!(with(&[other.der(), Authority::new("third", Kind::Rsa2048).der(), root.der()]), Ok(()));
    assert_eq!(with(&[other.der()]), Err(TlsError::UnknownIssuer));
    assert_eq!(with(&[]), Err(TlsError::UnknownIssuer));
    // The name of the authority, but not its key.
    assert_eq!(with(&[self::root().der()]), Err(TlsError::BadSignature));
    // Sent along, it is not trusted for that.
    assert_eq!(fetch(&Device::new(&[other.der()]), &identity.behind(&root)), Err(TlsError::UnknownIssuer));
}

#[test]
fn chains() {
    let root = root();
    let device = Device::new(&[root.der()]);
    let first = root.intermediate("first", Kind::P256, |_| {});
    let second = first.intermediate("second", Kind::P256, |_| {});
    let other = Authority::new("other", Kind::P384);
    let leaf = || second.issue(&["op.example"], Kind::P256, |_| {});
    assert_eq!(fetch(&device, &leaf().behind(&second).behind(&first)), Ok(()));
    assert_eq!(fetch(&device, &leaf().behind(&first).behind(&other).behind(&second).behind(&root)), Ok(()));
    assert_eq!(fetch(&device, &leaf().behind(&second)), Err(TlsError::UnknownIssuer));
    assert_eq!(fetch(&device, &leaf()), Err(TlsError::UnknownIssuer));
    // As many as are looked at, and more; more than embedded-tls reads.
    let with = |others: usize| {
        let leaf = root.issue(&["op.example"], Kind::P256, |_| {});
        fetch(&device, &(0..others).fold(leaf, |leaf, _| leaf.behind(&other)))
    };
    assert_eq!(with(6), Ok(()));
    assert_eq!(with(7), Err(TlsError::BadCertificate));
    assert_eq!(with(16), Err(TlsError::Protocol));
}

/// Authorities that all claim the anchor's name, in every order: each way ends at a signature that is not the anchor's.
/// The chip is not kept busy with all of them.
#[test]
fn a_maze() {
    let (root, fake) = (root(), Authority::new("root", Kind::P256));
    for (name, error) in [("root", TlsError::BadSignature), ("x", TlsError::UnknownIssuer)] {
        let first = Authority::new(name, Kind::P256);
        let maze: Vec<_> = (0..6).map(|_| first.intermediate(name, Kind::P256, |_| {})).collect();
        let leaf = maze[0].issue(&["op.example"], Kind::P256, |_| {});
        let chain = maze.iter().fold(leaf, Identity::behind);
        let refused = fetch(&Device::new(&[root.der()]), &chain);
        assert!(refused == Err(error) || refused == Err(TlsError::BadCertificate), "{name}: {refused:?}");
    }
    // A good one among bad ones is found.
    let good = root.intermediate("below", Kind::P256, |_| {});
    let bad: Vec<_> = (0..5).map(|_| fake.intermediate("below", Kind::P256, |_| {})).collect();
    let leaf = good.issue(&["op.example"], Kind::P256, |_| {});
    let chain = bad.iter().chain([&good]).fold(leaf, Identity::behind);
    assert_eq!(fetch(&Device::new(&[root.der()]), &chain), Ok(()));
}

/// An ordinary server of the same authority makes itself one: embedded-tls's own verifier takes that.
// REQ: HTTP-05
#[test]
fn who_is_no_authority_cannot_sign() {
    let root = root();
    let device = Device::new(&[root.der()]);
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let evil = root.intermediate("evil.example", Kind::P256, |params| {
            params.is_ca = is_ca;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        let forged = evil.issue(&["op.example"], Kind::P256, |_| {}).behind(&evil);
        assert_eq!(fetch(&device, &forged), Err(TlsError::WrongUse), "{is_ca:?}");
    }
    // An authority that may sign servers only, and one that may sign nothing below it.
    let short = root.intermediate("short", Kind::P256, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let below = short.intermediate("below", Kind::P256, |_| {});
    let good = short.issue(&["op.example"], Kind::P256, |_| {}).behind(&short);
    assert_eq!(fetch(&device, &good), Ok(()));
    let bad = below.issue(&["op.example"], Kind::P256, |_| {}).behind(&below).behind(&short);
    assert_eq!(fetch(&device, &bad), Err(TlsError::WrongUse));
    // An authority is no server.
    let authority = change(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(authority, Err(TlsError::WrongUse));
}

#[test]
fn uses() {
    use ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, EmailProtection, ServerAuth};
    assert_eq!(change(|params| params.extended_key_usages = vec![ClientAuth, ServerAuth]), Ok(()));
    assert_eq!(change(|params| params.extended_key_usages = vec![]), Ok(()), "RFC 5280 §4.2.1.12");
    assert_eq!(change(|params| params.extended_key_usages = vec![ClientAuth]), Err(TlsError::WrongUse));
    let others = change(|params| params.extended_key_usages = vec![CodeSigning, EmailProtection]);
    assert_eq!(others, Err(TlsError::WrongUse));
    // An authority for clients signs a server.
    let root = root();
    let clients =
        root.intermediate("clients", Kind::P256, |params| params.extended_key_usages = vec![ClientAuth]);
    let identity = clients.issue(&["op.example"], Kind::P256, |_| {}).behind(&clients);
    assert_eq!(fetch(&Device::new(&[root.der()]), &identity), Err(TlsError::WrongUse));
}

#[test]
fn name_constraints() {
    let dns = |names: &[&str]| {
        names.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned())).collect::<Vec<_>>()
    };
    let check = |permitted: &[&str], excluded: &[&str], on_root: bool| {
        let constraints =
            NameConstraints { permitted_subtrees: dns(permitted), excluded_subtrees: dns(excluded) };
        let limited = |params: &mut CertificateParams| params.name_constraints = Some(constraints);
        if on_root {
            let root = Authority::with("root", Kind::P256, limited);
            fetch(&Device::new(&[root.der()]), &root.issue(&["op.example"], Kind::P256, |_| {}))
        } else {
            let root = root();
            let below = root.intermediate("below", Kind::P256, limited);
            let identity = below.issue(&["op.example"], Kind::P256, |_| {}).behind(&below);
            fetch(&Device::new(&[root.der()]), &identity)
        }
    };
    for on_root in [true, false] {
        assert_eq!(check(&["example"], &[], on_root), Ok(()));
        assert_eq!(check(&["other", "op.example"], &[], on_root), Ok(()));
        assert_eq!(check(&["other"], &[], on_root), Err(TlsError::WrongUse));
        assert_eq!(check(&["example"], &["op.example"], on_root), Err(TlsError::WrongUse));
        assert_eq!(check(&[], &["other"], on_root), Ok(()));
    }
    let root = root();
    let below = root.intermediate("below", Kind::P256, |params| {
        let range = GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([192, 0, 2, 0], 24));
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: vec![range], excluded_subtrees: vec![] });
    });
    for (host, result) in [("192.0.2.7", Ok(())), ("198.51.100.7", Err(TlsError::WrongUse))] {
        let identity = below.issue(&[host], Kind::P256, |_| {}).behind(&below);
        assert_eq!(fetch(&Device::new(&[root.der()]).host(host), &identity), result, "{host}");
    }
}

#[test]
fn what_is_critical_and_not_known() {
    let extension = |critical| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        extension
    };
    // By hand: rustls does not serve with such a certificate.
    let root = root();
    for (critical, result) in [(false, Ok(())), (true, Err(End::Refused(TlsError::BadCertificate)))] {
        let identity = root.issue(&["op.example"], Kind::P256, |params| {
            params.custom_extensions = vec![extension(critical)]
        });
        let hello = act(move |wire| wire.honest(&identity));
        let (network, _) = network(&hello, &nothing(), &act(|wire| wire.respond(RESPONSE)));
        assert_eq!(Device::new(&[root.der()]).fetch(&network).end, result);
    }
}

/// A subject of many parts, which other verifiers give up at.
#[test]
fn long_subjects() {
    let long = change(|params| {
        for (place, kind) in [
            DnType::CountryName,
            DnType::LocalityName,
            DnType::StateOrProvinceName,
            DnType::OrganizationName,
            DnType::OrganizationalUnitName,
            DnType::CustomDnType(vec![2, 5, 4, 5]),
            DnType::CustomDnType(vec![2, 5, 4, 12]),
            DnType::CustomDnType(vec![2, 5, 4, 17]),
        ]
        .into_iter()
        .enumerate()
        {
            params.distinguished_name.push(kind, format!("part {place}"));
        }
    });
    assert_eq!(long, Ok(()));
}
