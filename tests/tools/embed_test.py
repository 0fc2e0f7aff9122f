#!/usr/bin/env python3
"""What `cmake --install` leaves is enough: for CMake, for pkg-config, and after it was moved.

    .venv/bin/python tests/tools/embed_test.py build/release

Builds examples/embed both ways against a prefix of its own and lets it label the photographs.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMBED = ROOT / "examples/embed"
SOFTEN = """edition 1
fn blur(px: u8[H, W, 3]) -> (px: u8[H, W, 3]) { native: "blur", library: "libcolour.so", radius: 2 }
flow soften(images: { px: u8[H, W, 3] }) -> { px: u8[H, W, 3] } {
  return images |> map(blur, replace: true)
}
"""
PHOTOS = sorted((ROOT / "examples/photos").glob("[!.]*"))
KNOWN = {
    "chelsea.png": "Egyptian cat",
    "coffee.png": "espresso",
    "motorcycle.png": "moped",
    "rocket.jpg": "missile",
}
build = Path()
os.environ["CMAKE_GENERATOR"] = "Ninja"  # there may be no `make`


def call(*words, **options):
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class EmbedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = Path(tempfile.mkdtemp(prefix="raceway-embed-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        first = cls.dir / "first"
        call("cmake", "--install", build, "--prefix", first)
        cls.prefix = cls.dir / "moved"
        first.rename(cls.prefix)
        cls.plan = cls.dir / "cascade.plan"
        cls.cli = cls.prefix / "bin/raceway"
        call(cls.cli, "compile", ROOT / "examples/image_cascade.flow", "-o", cls.plan)
        # Paths in a plan are relative to its folder.
        (cls.dir / "models").symlink_to(ROOT / "examples/models")

    def pkg_config(self, *words):
        env = {"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}
        return shlex.split(call("pkg-config", *words, env=env))

    def labels(self, program, *words, paths=PHOTOS):
        """path → answer, from one call of the service."""
        env = {"OMP_WAIT_POLICY": "passive", "PATH": "/usr/bin:/bin"}
        text = call(program, self.plan, *words, input="".join(f"{p}\n" for p in paths), env=env)
        self.assertEqual(len(paths), len(text.splitlines()), text)
        return dict(line.split(": ", 1) for line in text.splitlines())

    def test_the_command_line_runs(self):
        out = call(self.cli, "run", self.plan, "--each", f"image={PHOTOS[1]}", "--json")
        self.assertIn(KNOWN[PHOTOS[1].name], out)

    def test_with_cmake(self):
        out = self.dir / "cmake"
        words = ["-S", EMBED, "-B", out, f"-DCMAKE_PREFIX_PATH={self.prefix}"]
        call("cmake", *words)
        call("cmake", "--build", out, "-j1")
        program = out / "label_server"
        truncated = self.dir / "truncated.png"
        truncated.write_bytes(PHOTOS[1].read_bytes()[:5000])
        nowhere = self.dir / "nowhere.png"
        answers = self.labels(program, paths=[*PHOTOS, truncated, nowhere])
        for photo in PHOTOS:
            if photo.name in KNOWN:
                self.assertRegex(answers[str(photo)], rf"^{KNOWN[photo.name]} \(0\.\d\d\)$")
        for bad in (truncated, nowhere):
            self.assertRegex(answers[str(bad)], r"^map\(decode\) at image_cascade\.flow:\d+:\d+: row 1: ")
        for answer in self.labels(program, "1").values():
            self.assertIn("deadline", answer)

    def test_found_in_a_function_and_again_outside(self):
        project = self.dir / "twice"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\n"
            "project(twice LANGUAGES CXX)\n"
            "function(find)\n  find_package(raceway REQUIRED)\nendfunction()\n"
            "find()\n"
            "find_package(raceway REQUIRED)\n"
        )
        call("cmake", "-S", project, "-B", project, f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_a_virtual_environment_beside_is_somebody_elses(self):
        project = self.dir / "beside"
        shutil.copytree(EMBED, project)
        torch = project / ".venv/lib/python3.11/site-packages/torch"
        for name in ("lib/libtorch_cpu.so", "include/ATen/ATen.h"):
            (torch / name).parent.mkdir(parents=True)
            (torch / name).touch()
        call("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_a_plugin(self):
        folder = self.dir / "plugin"
        shutil.copytree(ROOT / "examples/plugin", folder, ignore=lambda *_: ["libcolour.so"])
        out = folder / "build"
        call("cmake", "-S", folder, "-B", out, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        call("cmake", "--build", out, "-j1")
        self.assertIn("passed", call(self.cli, "test", folder / "colour.flow"))

    def test_with_pkg_config(self):
        program = self.dir / "with_pkg_config"
        flags = self.pkg_config("--cflags", "--libs", "raceway")
        call("g++", "-O1", EMBED / "main.cpp", "-o", program, *flags)
        for path, answer in self.labels(program).items():
            if Path(path).name in KNOWN:
                self.assertIn(KNOWN[Path(path).name], answer)
        needed = call("readelf", "--dynamic", "--wide", program)
        self.assertRegex(needed, r"NEEDED.*\[libraceway\.so\.\d+\]")
        self.assertNotRegex(needed, "compiler|antlr")

    def test_compiling_by_pkg_config(self):
        program = self.dir / "compile_text"
        flags = self.pkg_config("--cflags", "--libs", "raceway_compiler")
        call("g++", "-O1", ROOT / "tests/tools/compile_text.cpp", "-o", program, *flags)
        flow = SOFTEN
        folder = self.dir / "with_library"
        folder.mkdir()
        shutil.copy(build / "lib/libcolour.so", folder)
        # No `raceway` on the path, and no library known.
        env = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache")}
        out = call(program, folder, input=flow, env=env)
        self.assertRegex(out, r"^\w+\(.*px: u8\[H, W, 3\].*\) -> \(.*\)\n$")

        def refused(text):
            done = subprocess.run([program, folder], input=text, capture_output=True, text=True, env=env)
            self.assertEqual(1, done.returncode, done.stderr)
            return done.stderr

        self.assertRegex(refused(flow.replace("map(", "map(no_")), r"error\[E0201\](.|\n)*--> stdin:")
        shutil.rmtree(folder / "cache")
        libexec = self.prefix / "libexec"
        libexec.rename(self.prefix / "elsewhere")
        self.addCleanup((self.prefix / "elsewhere").rename, libexec)
        self.assertRegex(
            refused(flow),
            rf"cannot look into `libcolour\.so`: .*{self.prefix}/lib.*set RACEWAY_PLUGIN_PROBE",
        )

    def test_each_header_stands_alone(self):
        headers = sorted((self.prefix / "include/raceway").glob("*.h"))
        self.assertIn("compile.h", [header.name for header in headers])
        flags = self.pkg_config("--cflags", "raceway")
        warnings = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
        for header in headers:
            source = self.dir / f"{header.stem}.cpp"
            source.write_text(f"#include <raceway/{header.name}>\n")
            call("g++", "-fsyntax-only", *warnings, source, *flags)
            names = re.findall(r"#include <raceway/(.*)>", header.read_text())
            self.assertLessEqual(set(names), {h.name for h in headers}, header.name)
            self.assertNotRegex(header.read_text(), r'#include "')

    def test_another_libtorch_is_refused(self):
        fake = self.dir / "torch"
        (fake / "lib").mkdir(parents=True)
        (fake / "lib/libtorch_cpu.so").touch()
        for name in ("include/ATen/ATen.h", "include/torch/headeronly/version.h"):
            (fake / name).parent.mkdir(parents=True, exist_ok=True)
            parts = zip(("MAJOR", "MINOR", "PATCH"), (2, 9, 1))
            (fake / name).write_text("".join(f"#define TORCH_VERSION_{p} {n}\n" for p, n in parts))
        words = ["cmake", "-S", EMBED, "-B", self.dir / "refused", f"-DLIBTORCH={fake}"]
        words += [f"-DCMAKE_PREFIX_PATH={self.prefix}"]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(done.stderr, r"raceway was built with LibTorch\s+[\d.]+")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = Path(sys.argv.pop(1)).resolve()
    unittest.main()
