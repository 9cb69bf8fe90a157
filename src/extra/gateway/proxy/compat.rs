//! The signatures of rouille: code that names these types and calls these functions compiles
//! with both libraries.

use super::*;
use std::fmt::{Debug, Display};
use std::net::SocketAddr;

#[test]
fn functions() {
    type Config = ProxyConfig<SocketAddr>;
    let _: fn(&Request, Config) -> Result<Response, ProxyError> = proxy::<SocketAddr>;
    let _: fn(&Request, Config) -> Result<Response, FullProxyError> = full_proxy::<SocketAddr>;
    let _: fn(&Request, ProxyConfig<&'static str>) -> Result<Response, ProxyError> = proxy;
}

#[test]
fn types() {
    // The field may have any type. Only `proxy` requires an address.
    let ProxyConfig { addr, replace_host } = ProxyConfig {
        addr: vec![1],
        replace_host: Some(Cow::Borrowed("a")),
    }
    .clone();
    let _: (Vec<u8>, Option<Cow<'static, str>>) = (addr, replace_host);

    fn is_error<T: Error + Debug + Display + Send + Sync + 'static>() {}
    is_error::<ProxyError>();
    is_error::<FullProxyError>();
    fn is_config<T: Debug + Clone>() {}
    is_config::<ProxyConfig<String>>();
    let _: fn(io::Error) -> ProxyError = ProxyError::from;
}

#[test]
fn errors_have_these_variants_and_no_other() {
    match ProxyError::HttpParseError {
        ProxyError::BodyAlreadyExtracted => {}
        ProxyError::IoError(error) => drop::<io::Error>(error),
        ProxyError::HttpParseError => {}
    }
    match FullProxyError::BodyAlreadyExtracted {
        FullProxyError::BodyAlreadyExtracted => {}
    }
}
