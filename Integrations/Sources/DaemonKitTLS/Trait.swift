#if !TLS
#error("DaemonKitTLS has a trait of its own: .package(…, traits: [\"TLS\"])")
#endif
