import DaemonKit
