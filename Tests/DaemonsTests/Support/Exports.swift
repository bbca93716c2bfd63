// swift-format-ignore-file

// The whole test target sees it.
@_exported import DaemonTestKit
@_exported import struct TestSupport.ProcessHandle
@_exported import let TestSupport.isThorough
@_exported import func TestSupport.eventually
@_exported import func TestSupport.isDeserted
