// A shared library like many.
extern "C" int Nothing() { return 0; }
