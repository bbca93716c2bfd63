#if !Metrics
#error("DaemonKitMetrics has a trait of its own: .package(…, traits: [\"Metrics\"])")
#endif
