#if !NIO
#error("DaemonKitNIO has a trait of its own: .package(…, traits: [\"NIO\"])")
#endif
