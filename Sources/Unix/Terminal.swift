#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A terminal behind a descriptor, termios(3).
package struct Terminal {
    private let descriptor: Int32
    private let settings: termios

    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// It was a terminal, whose line was closed.
    package static func hasGone(_ descriptor: Int32) -> Bool { isatty(descriptor) == 0 && errno == EIO }

    /// Keys come one by one and unseen from now on, Ctrl-C among them as byte 3; nil where it is no terminal.
    package init?(readingKeys descriptor: Int32) {
        var settings = termios()
        guard unsafe tcgetattr(descriptor, &settings) == 0 else { return nil }
        self.descriptor = descriptor
        self.settings = settings
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        unsafe tcsetattr(descriptor, TCSANOW, &settings)
    }

    /// As it was before.
    package func restore() {
        var settings = settings
        unsafe tcsetattr(descriptor, TCSANOW, &settings)
    }

    /// Rows and columns; nil where the terminal does not know. ioctl_tty(2)
    package static func size(_ descriptor: Int32) -> (rows: Int, columns: Int)? {
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return nil
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }
}
