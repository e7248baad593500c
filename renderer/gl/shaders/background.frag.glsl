// What is behind the avatar: a vertical gradient of display-coded colours, or a picture that covers the frame
// (the platform's client shows backgrounds so, "cover" in CSS terms). Ours.
in vec2 v_at;
out vec4 out_color;
#ifdef PICTURE
uniform sampler2D u_picture;
uniform vec2 u_cover;  // the part of the picture that shows, centred
#else
uniform vec3 u_top;
uniform vec3 u_bottom;
#endif

void main() {
#ifdef PICTURE
    vec4 color = texture(u_picture, (v_at - 0.5) * u_cover + 0.5);
    out_color = vec4(color.rgb * color.a, color.a);
#else
    out_color = vec4(mix(u_top, u_bottom, v_at.y), 1.0);
#endif
}
