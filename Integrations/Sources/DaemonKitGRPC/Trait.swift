#if !GRPC
#error("DaemonKitGRPC has a trait of its own: .package(…, traits: [\"GRPC\"])")
#endif
