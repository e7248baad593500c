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

vec3 detailed_normal(vec3 plain) {
#ifdef NORMAL_UV
    vec3 detail = texture(u_normal_texture, NORMAL_UV).xyz * 2.0 - 1.0;
    detail.xy *= u_surface.z;
    vec3 normal = plain * FACE;
#ifdef TANGENTS
    // As MikkTSpace has it: the frame is not made orthogonal again.
    vec3 bitangent = cross(normal, v_tangent.xyz) * v_tangent.w;
    return normalize(v_tangent.xyz * detail.x + bitangent * detail.y + normal * detail.z) * FACE;
#else
    vec3 dx = dFdx(v_position), dy = dFdy(v_position);
    vec2 ux = dFdx(NORMAL_UV), uy = dFdy(NORMAL_UV);
    float area = ux.x * uy.y - uy.x * ux.y;
    vec3 tangent = (uy.y * dx - ux.y * dy) * sign(area);
    float hand = -sign(area) * sign(dot(cross(dx, dy), normal));
    tangent -= normal * dot(normal, tangent);
    float size = dot(tangent, tangent);
    if (size < 1e-24) return plain;
    tangent *= inversesqrt(size);
    vec3 bitangent = cross(normal, tangent) * hand;
    return normalize(tangent * detail.x + bitangent * detail.y + normal * detail.z) * FACE;
#endif
#else
    return plain;
#endif
}
