"""What the compiler noted of each source file: which symbol is used at which line and column, from the index that a
debug `swift build` leaves. libIndexStore comes with the toolchain; indexstore/indexstore.h."""

import ctypes
import os
import shutil


class _Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.data, self.length).decode() if self.length else ""


_Applier = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
_NameApplier = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, _Text)
_RECORD = 2  # a dependency of this kind holds the file's occurrences
_REFERENCE = 1 << 2


def library():
    """The path of the toolchain's libIndexStore; None where there is none."""
    swift = shutil.which("swift")
    if not swift:
        return None
    directory = os.path.join(os.path.dirname(os.path.realpath(swift)), "..", "lib")
    for name in ("libIndexStore.so", "libIndexStore.dylib"):
        path = os.path.normpath(os.path.join(directory, name))
        if os.path.exists(path):
            return path
    return None


class Index:
    """An index store, read once."""

    def __init__(self, store, library_path):
        self._library = ctypes.CDLL(library_path)
        self._declare()
        error = ctypes.c_void_p()
        self._store = self._call("store_create", store.encode(), ctypes.byref(error))
        if not self._store:
            raise OSError(f"cannot read the index {store}")

    def _declare(self):
        pointer, text, number, flag = ctypes.c_void_p, _Text, ctypes.c_uint64, ctypes.c_bool
        calls = {
            "store_create": (pointer, [ctypes.c_char_p, pointer]),
            "store_units_apply_f": (flag, [pointer, ctypes.c_uint, pointer, _NameApplier]),
            "unit_reader_create": (pointer, [pointer, ctypes.c_char_p, pointer]),
            "unit_reader_dispose": (None, [pointer]),
            "unit_reader_get_main_file": (text, [pointer]),
            "unit_reader_get_module_name": (text, [pointer]),
            "unit_reader_dependencies_apply_f": (flag, [pointer, pointer, _Applier]),
            "unit_dependency_get_kind": (ctypes.c_int, [pointer]),
            "unit_dependency_get_name": (text, [pointer]),
            "unit_dependency_get_filepath": (text, [pointer]),
            "record_reader_create": (pointer, [pointer, ctypes.c_char_p, pointer]),
            "record_reader_dispose": (None, [pointer]),
            "record_reader_occurrences_apply_f": (flag, [pointer, pointer, _Applier]),
            "occurrence_get_symbol": (pointer, [pointer]),
            "occurrence_get_roles": (number, [pointer]),
            "occurrence_get_line_col": (None, [pointer, pointer, pointer]),
            "symbol_get_usr": (text, [pointer]),
            "symbol_get_name": (text, [pointer]),
        }
        for name, (result, arguments) in calls.items():
            function = getattr(self._library, f"indexstore_{name}")
            function.restype, function.argtypes = result, arguments

    def _call(self, name, *arguments):
        return getattr(self._library, f"indexstore_{name}")(*arguments)

    def files(self):
        """The newest record of each main file: {path: record's name}."""
        names, found = [], {}

        def take(_, name):
            names.append(str(name))
            return True

        self._call("store_units_apply_f", self._store, 1, None, _NameApplier(take))
        for name in names:
            error = ctypes.c_void_p()
            unit = self._call("unit_reader_create", self._store, name.encode(), ctypes.byref(error))
            if not unit:
                continue
            main = str(self._call("unit_reader_get_main_file", unit))

            def look(_, dependency):
                if self._call("unit_dependency_get_kind", dependency) == _RECORD:
                    path = str(self._call("unit_dependency_get_filepath", dependency))
                    if path == main:
                        found[main] = str(self._call("unit_dependency_get_name", dependency))
                return True

            self._call("unit_reader_dependencies_apply_f", unit, None, _Applier(look))
            self._call("unit_reader_dispose", unit)
        return found

    def references(self, record):
        """Every use of a symbol: (line, column, usr, name), in the order of the text."""
        error = ctypes.c_void_p()
        reader = self._call("record_reader_create", self._store, record.encode(), ctypes.byref(error))
        found = []

        def take(_, occurrence):
            if self._call("occurrence_get_roles", occurrence) & _REFERENCE:
                line, column = ctypes.c_uint(), ctypes.c_uint()
                self._call("occurrence_get_line_col", occurrence, ctypes.byref(line), ctypes.byref(column))
                symbol = self._call("occurrence_get_symbol", occurrence)
                usr = str(self._call("symbol_get_usr", symbol))
                found.append((line.value, column.value, usr, str(self._call("symbol_get_name", symbol))))
            return True

        self._call("record_reader_occurrences_apply_f", reader, None, _Applier(take))
        self._call("record_reader_dispose", reader)
        return sorted(set(found))
