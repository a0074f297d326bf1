// The formats of meshes.

#include "fuzz/fuzz_target.h"
#include "io/mesh_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  for (int format = 0; format < 5; ++format) {
    arzoo::fuzz::refuse_or_accept([&] {
      const auto mesh = arzoo::io::decode_mesh(file, static_cast<arzoo::io::MeshFormat>(format), "input");
      const auto summary = arzoo::io::summarise(arzoo::io::welded(mesh));
      if (summary.triangles > static_cast<std::int64_t>(mesh.triangles.size())) std::abort();
    });
  }
  return 0;
}
