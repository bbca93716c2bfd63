// The whole test target sees it, and libc with it.
@_exported import TestSupport
