#if !Arguments
#error("DaemonKitArguments has a trait of its own: .package(…, traits: [\"Arguments\"])")
#endif
