#if !Logging
#error("DaemonKitLogging has a trait of its own: .package(…, traits: [\"Logging\"])")
#endif
