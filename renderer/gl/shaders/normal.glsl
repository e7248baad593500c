// The surface's normal: interpolated or the triangle's own, detailed by a normal map, reversed on back faces of
// two-sided materials (glTF 2.0, 3.9.6). The map's frame comes from the vertices' tangents, or is rebuilt from screen
// derivatives (after Schueler, "Normal mapping without precomputed tangents", 2006): the tangent follows u, the
// bitangent goes against v; dividing out the signs makes it indifferent to mirrored coordinates and flipped pictures.
#if defined(DOUBLE_SIDED) && defined(NORMALS)
#define FACE (gl_FrontFacing ? 1.0 : -1.0)
#else
#define FACE 1.0
#endif

vec3 surface_normal() {
#ifdef NORMALS
    return normalize(v_normal) * FACE;
#else
    vec3 normal = normalize(cross(dFdx(v_position), dFdy(v_position)));
    return dot(normal, u_eye.xyz - u_eye.w * v_position) < 0.0 ? -normal : normal;
#endif
}

// Columns: where u grows, where v falls, and out of the surface; zero where the coordinates do not say.
mat3 surface_frame(vec3 plain, vec2 uv) {
    vec3 normal = plain * FACE;
#ifdef TANGENTS
    // As MikkTSpace has it: the frame is not made orthogonal again.
    return mat3(v_tangent.xyz, cross(normal, v_tangent.xyz) * v_tangent.w, normal);
#else
    vec3 dx = dFdx(v_position), dy = dFdy(v_position);
    vec2 ux = dFdx(uv), uy = dFdy(uv);
    float area = ux.x * uy.y - uy.x * ux.y;
    vec3 tangent = (uy.y * dx - ux.y * dy) * sign(area);
    float hand = -sign(area) * sign(dot(cross(dx, dy), normal));
    tangent -= normal * dot(normal, tangent);
    float size = dot(tangent, tangent);
    if (size < 1e-24) return mat3(vec3(0.0), vec3(0.0), normal);
    tangent *= inversesqrt(size);
    return mat3(tangent, cross(normal, tangent) * hand, normal);
#endif
}

vec3 mapped_normal(vec3 plain, vec2 uv, vec3 texel, float scale) {
    vec3 detail = texel * 2.0 - 1.0;
    detail.xy *= scale;
    return normalize(surface_frame(plain, uv) * detail) * FACE;
}

#ifdef NORMAL_UV
uniform sampler2D u_normal_texture;
#endif

vec3 detailed_normal(vec3 plain) {
#ifdef NORMAL_UV
    return mapped_normal(plain, NORMAL_UV, texture(u_normal_texture, MOVING(NORMAL_UV)).xyz, u_surface.z);
#else
    return plain;
#endif
}

#ifdef CLEARCOAT
#ifdef COAT_NORMAL_UV
uniform sampler2D u_coat_normal_texture;
#endif

vec3 coat_normal(vec3 plain) {
#ifdef COAT_NORMAL_UV
    return mapped_normal(plain, COAT_NORMAL_UV, texture(u_coat_normal_texture, COAT_NORMAL_UV).xyz, u_coat.z);
#else
    return plain;
#endif
}
#endif
