#if !Hummingbird
#error("DaemonKitHummingbird has a trait of its own: .package(…, traits: [\"Hummingbird\"])")
#endif
