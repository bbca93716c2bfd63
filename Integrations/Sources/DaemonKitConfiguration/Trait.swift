#if !Configuration
#error("DaemonKitConfiguration has a trait of its own: .package(…, traits: [\"Configuration\"])")
#endif
