@_exported import DaemonKit
@_exported import TestSupport
@_exported import Unix
