#if !Lifecycle
#error("DaemonKitLifecycle has a trait of its own: .package(…, traits: [\"Lifecycle\"])")
#endif
