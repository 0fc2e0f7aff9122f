# cmake -DOUT=file.cpp -DIN="a.md;b.md" -P embed_explanations.cmake: texts → a table in C++.
set(entries "")
foreach(file IN LISTS IN)
  get_filename_component(code ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND entries "    {\"${code}\", R\"explanation(${text})explanation\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"dsl/explanation.h\"

namespace raceway::dsl {

std::span<const Explanation> AllExplanations() {
  static constexpr Explanation kAll[] = {
${entries}  };
  return kAll;
}

}  // namespace raceway::dsl
")
